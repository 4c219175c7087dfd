"""Providers' bills beside our ledger: fetched, missed notices made up for, the rest raised."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.bill_attentions import raise_mismatches, resolve_settled
from activities.bill_progress import BillProgress
from activities.heartbeats import heartbeats
from domain.bill import (
    SAMPLE_SIZE,
    BillCheck,
    BilledRefund,
    BillFault,
    BillLine,
    BillMismatch,
    ComparedLine,
    is_over,
    start_of,
    together,
)
from domain.gateway_errors import BillNotReady, GatewayError
from domain.model import Value
from domain.payment import FlowKind, PaymentMethod
from infra.gateways.protocol import Gateway
from infra.postgres.bills import BATCH, Bills
from infra.postgres.engine import Database
from notices.relay import NoticeRelay, RelayOutcome
from notices.telling import nobody_answers

log = structlog.get_logger()

# What we book around midnight may stand in the bill of the day before or of the day after.
MIDNIGHT = timedelta(minutes=10)
HOUR = timedelta(hours=1)
_ON_ITS_WAY = (RelayOutcome.SIGNALLED, RelayOutcome.REFUNDING)


class Billers(Value):
    """The providers that make bills."""

    methods: tuple[PaymentMethod, ...]


class BillRef(Value):
    method: PaymentMethod
    day: date


class FetchedBill(Value):
    """Numbers of lines; `unread` and `others` as a Bill has them."""

    # Not the lines themselves: there may be more of them than a history can hold.
    lines: int
    unread: int = 0
    others: int = 0


class BillRepairs(Value):
    """`missed`: payments in the bill that our ledger has not. `told`: those whose orders have
    heard of it now. `unanswered`: those that could not be confirmed or told right now."""

    missed: int = 0
    told: int = 0
    unanswered: int = 0


class ConcludeBill(Value):
    """`missed`: what the first try at repairs had found."""

    bill: BillRef
    checked_at: datetime
    missed: int


class MissBill(Value):
    bill: BillRef
    checked_at: datetime


class BillActivities:
    """Reads bills, and answers counts and samples of them."""

    def __init__(
        self, database: Database, relay: NoticeRelay, gateways: Mapping[PaymentMethod, Gateway]
    ) -> None:
        self._database = database
        self._relay = relay
        # Points have no provider: their only book is our own, and the audit proves that.
        self._billers: dict[PaymentMethod, Gateway] = {
            method: gateway
            for method, gateway in gateways.items()
            if method is not PaymentMethod.POINTS
        }

    @activity.defn
    async def list_billers(self) -> Billers:
        return Billers(methods=tuple(sorted(self._billers)))

    @activity.defn
    async def fetch_bill(self, bill: BillRef) -> FetchedBill:
        """Keep all lines of the bill. Raises GatewayErrors."""
        try:
            async with heartbeats():
                return await self._fetch(bill)
        except BillNotReady as error:
            # Benign: a bill that is not ready yet is nothing to alarm anybody about.
            raise ApplicationError(
                str(error), type="StatementNotReady", category=ApplicationErrorCategory.BENIGN
            ) from error

    @activity.defn
    async def repair_bill(self, bill: BillRef) -> BillRepairs:
        """Tell orders of payments their notices have missed. Telling twice is harmless."""
        done = BillProgress.of_the_last_try()
        async with heartbeats(done.as_details):
            async for line in self._lines(bill, done.last):
                if line.fault(day_is_over=False) is BillFault.NOT_SETTLED:
                    # One that cannot be told must not keep the others waiting.
                    try:
                        done.told += await self._tell(bill, line)
                    except Exception as error:
                        if nobody_answers(error):
                            raise
                        log.warning("bill_line_waits", order_id=line.order_id, error=repr(error))
                        done.unanswered += 1
                    done.missed += 1
                done.last = line
        return BillRepairs(missed=done.missed, told=done.told, unanswered=done.unanswered)

    @activity.defn
    async def conclude_bill(self, command: ConcludeBill) -> BillCheck:
        """Compare, raise what differs, resolve what does not any more, remember the outcome."""
        bill = command.bill
        day_is_over = is_over(bill.day, command.checked_at)
        async with heartbeats():
            lines = 0
            found: list[BillMismatch] = []
            others: list[BillMismatch] = []
            async for line in self._lines(bill):
                lines += 1
                if mismatch := line.mismatch(day_is_over=day_is_over):
                    (others if line.is_of_others else found).append(mismatch)
            async with self._database.transaction() as connection:
                found += await Bills(connection).unread(bill.method, bill.day)
            # Of a day that is not over, what is missing may still come into the bill.
            if day_is_over:
                found += await self._absent(bill)
            differ = len(others) + sum(mismatch.billed is not None for mismatch in found)
            if others:
                found.append(together(others))
            unsettled = sum(mismatch.fault is BillFault.NOT_SETTLED for mismatch in found)
            check = BillCheck(
                method=bill.method,
                day=bill.day,
                checked_at=command.checked_at,
                lines=lines,
                matched=lines - differ,
                repaired=max(0, command.missed - unsettled),
                mismatches=len(found),
                sample=tuple(found[:SAMPLE_SIZE]),
            )
            return await self._remember(check, found)

    @activity.defn
    async def miss_bill(self, command: MissBill) -> BillCheck:
        """There was no bill to be had: that needs a person."""
        bill = command.bill
        fault = BillMismatch(fault=BillFault.NO_BILL, reference=bill.day.isoformat())
        check = BillCheck(
            method=bill.method,
            day=bill.day,
            checked_at=command.checked_at,
            lines=0,
            matched=0,
            repaired=0,
            mismatches=1,
            sample=(fault,),
        )
        async with self._database.transaction() as connection:
            await raise_mismatches(connection, bill.method, bill.day, (fault,))
            await Bills(connection).save(check)
        return check

    async def _fetch(self, bill: BillRef) -> FetchedBill:
        told = await self._billers[bill.method].download_bill(bill.day)
        lines = merged(told.lines)
        for start in range(0, len(lines), BATCH):
            async with self._database.transaction() as connection:
                await Bills(connection).keep(bill.method, bill.day, lines[start : start + BATCH])
        async with self._database.transaction() as connection:
            await Bills(connection).keep_unread(bill.method, bill.day, told.unread)
        fetched = FetchedBill(lines=len(lines), unread=len(told.unread), others=told.others)
        log.info("bill_fetched", method=bill.method, day=str(bill.day), **fetched.model_dump())
        return fetched

    async def _lines(
        self, bill: BillRef, last: ComparedLine | None = None
    ) -> AsyncIterator[ComparedLine]:
        """Those that follow `last`."""
        while True:
            # A transaction per batch: a provider is asked between the lines, which takes long.
            async with self._database.transaction() as connection:
                lines = await Bills(connection).compared(bill.method, bill.day, last)
            for last in lines:
                yield last
            if len(lines) < BATCH:
                return

    async def _tell(self, bill: BillRef, line: ComparedLine) -> bool:
        # A bill is a file; before money moves on its word, the provider is asked itself.
        receipt = (await self._billers[bill.method].query(line.payment_id)).receipt
        if (
            receipt is None
            or line.order_id is None
            or (receipt.trade_no, receipt.amount) != (line.reference, line.amount)
        ):
            log.warning("bill_line_not_confirmed", order_id=line.order_id, method=bill.method)
            return False
        return await self._relay.tell_of_money(line.order_id, receipt) in _ON_ITS_WAY

    async def _absent(self, bill: BillRef) -> list[BillMismatch]:
        """What we booked on that day and no bill lists."""
        absent = await self._unbilled(bill)
        before = BillRef(method=bill.method, day=bill.day - timedelta(days=1))
        async with self._database.transaction() as connection:
            known = await Bills(connection).has(before.method, before.day)
        # What was paid before midnight stands in the bill of the day before; the first bill that
        # is ever compared has none before it, so that one is fetched.
        if absent and not known:
            with suppress(GatewayError):
                await self._fetch(before)
                absent = await self._unbilled(bill)
        return absent

    async def _unbilled(self, bill: BillRef) -> list[BillMismatch]:
        start, absent = start_of(bill.day) - MIDNIGHT, []
        # By the hour: a query over all of a large sale could exceed its time limit.
        for hour in range(24):
            async with self._database.transaction() as connection:
                absent += await Bills(connection).absent(
                    bill.method, start + hour * HOUR, start + (hour + 1) * HOUR
                )
        return absent

    async def _remember(self, check: BillCheck, found: Sequence[BillMismatch]) -> BillCheck:
        async with self._database.transaction() as connection:
            new = await raise_mismatches(connection, check.method, check.day, found)
            await resolve_settled(connection, check.method, check.day, found)
            await Bills(connection).save(check)
        log.info(
            "bill_compared",
            method=check.method,
            day=str(check.day),
            lines=check.lines,
            repaired=check.repaired,
            mismatches=check.mismatches,
            new=new,
        )
        return check


def merged(lines: Iterable[BillLine]) -> list[BillLine]:
    """One line per number. A number that stands twice in a bill is money that moved twice, so
    its amounts add up and will not agree with ours. Of a refund, only what is done has moved."""
    by_number: dict[tuple[FlowKind, str], BillLine] = {}
    for line in lines:
        number = (line.kind, line.reference)
        other = by_number.get(number)
        if other and other.refund_state is not line.refund_state:
            line = line if line.refund_state is BilledRefund.DONE else other
        elif other:
            line = other.model_copy(update={"amount": other.amount + line.amount})
        by_number[number] = line
    return list(by_number.values())
