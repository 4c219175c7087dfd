"""Providers' bills: their lines, beside our ledger, and how comparing them came out."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Select, and_, delete, exists, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.bill import BillCheck, BillFault, BillLine, BillMismatch, ComparedLine, UnreadRow
from domain.payment import FlowKind, PaymentMethod
from infra.postgres.queries import fetch_page
from infra.postgres.tables.bills import bill_checks, bill_lines, unread_bill_rows
from infra.postgres.tables.payments import payment_flows, payments
from infra.postgres.tables.refunds import refunds
from infra.readable import all_readable

# A line has nine fields, and one query at most 32767 values.
BATCH = 1000


class Bills:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, method: PaymentMethod, day: date, lines: Sequence[BillLine]) -> None:
        """At most BATCH lines, no two of one kind and reference. A line that stands is replaced
        by what the provider says now."""
        query = insert(bill_lines).values(
            [
                {
                    "method": method,
                    "kind": line.kind,
                    "reference": line.reference,
                    "day": day,
                    "payment_id": line.payment_id,
                    "trade_no": line.trade_no,
                    "amount": line.amount,
                    "at": line.at,
                    "refund_state": line.refund_state,
                }
                for line in lines
            ]
        )
        said = ("day", "payment_id", "trade_no", "amount", "at", "refund_state")
        said_now = {name: query.excluded[name] for name in said}
        await self._connection.execute(
            query.on_conflict_do_update(index_elements=bill_lines.primary_key, set_=said_now)
        )

    async def keep_unread(
        self, method: PaymentMethod, day: date, rows: Sequence[UnreadRow]
    ) -> None:
        """Of all the rows that could not be read when the bill was fetched before, these are
        left."""
        row = unread_bill_rows.c
        await self._connection.execute(
            delete(unread_bill_rows).where(row.method == method, row.day == day)
        )
        if rows:
            of_the_bill = {"method": method, "day": day}
            values = [of_the_bill | one.model_dump() for one in rows]
            await self._connection.execute(insert(unread_bill_rows).values(values))

    async def unread(self, method: PaymentMethod, day: date) -> list[BillMismatch]:
        row, payment = unread_bill_rows.c, payments.c
        query = (
            select(row.reference, row.payment_id, payment.order_id)
            .select_from(unread_bill_rows)
            .outerjoin(
                payments, and_(payment.payment_id == row.payment_id, payment.method == row.method)
            )
            .where(row.method == method, row.day == day)
            .order_by(row.reference)
        )
        return [
            BillMismatch(
                fault=BillFault.UNREADABLE,
                reference=found.reference,
                payment_id=found.payment_id,
                order_id=found.order_id,
            )
            for found in await self._connection.execute(query)
        ]

    async def compared(
        self, method: PaymentMethod, day: date, after: ComparedLine | None = None
    ) -> list[ComparedLine]:
        """The next BATCH lines of the bill that follow `after`, each beside our ledger."""
        line = bill_lines.c
        query = _beside_our_ledger().where(line.method == method, line.day == day)
        if after is not None:
            # By key and not by OFFSET: lines may be added while a long bill is read.
            query = query.where(tuple_(line.kind, line.reference) > (after.kind, after.reference))
        rows = await self._connection.execute(
            query.order_by(line.kind, line.reference).limit(BATCH)
        )
        return [ComparedLine.model_validate(row) for row in rows.mappings()]

    async def absent(
        self, method: PaymentMethod, start: datetime, end: datetime
    ) -> list[BillMismatch]:
        """What we booked in [start, end) and no bill of any day lists."""
        flow = payment_flows.c
        billed = select(bill_lines.c.day).where(
            bill_lines.c.method == flow.method,
            bill_lines.c.kind == flow.kind,
            bill_lines.c.reference == flow.reference,
        )
        query = (
            select(flow.reference, flow.payment_id, flow.order_id, flow.amount)
            .where(flow.method == method, flow.at >= start, flow.at < end, ~billed.exists())
            .order_by(flow.at)
        )
        return [
            BillMismatch(
                fault=BillFault.NOT_IN_BILL,
                reference=row.reference,
                payment_id=row.payment_id,
                order_id=row.order_id,
                booked=row.amount,
            )
            for row in await self._connection.execute(query)
        ]

    async def has(self, method: PaymentMethod, day: date) -> bool:
        """Whether the bill of that day was compared before."""
        query = select(bill_checks.c.day).where(
            bill_checks.c.method == method, bill_checks.c.day == day
        )
        return (await self._connection.execute(query)).first() is not None

    async def open_days(self, method: PaymentMethod, since: date, before: date) -> list[date]:
        """Days in [since, before) that were never compared, or had no bill when they were; those
        before the first comparison do not count. The least tried come first, the oldest first."""
        query = select(bill_checks.c.day, bill_checks.c.tries, bill_checks.c.sample).where(
            bill_checks.c.method == method, bill_checks.c.day >= since, bill_checks.c.day < before
        )
        tried = {row.day: row for row in await self._connection.execute(query)}
        if not tried:
            return []
        first = min(tried)
        days = [first + timedelta(days=number) for number in range((before - first).days)]
        tries = {
            day: tried[day].tries if day in tried else 0
            for day in days
            if day not in tried
            or any(mismatch["fault"] == BillFault.NO_BILL for mismatch in tried[day].sample)
        }
        return sorted(tries, key=lambda day: (tries[day], day))

    async def save(self, check: BillCheck) -> None:
        """One row per method and day: the latest outcome."""
        fields = check.model_dump(mode="json") | {
            "day": check.day,
            "checked_at": check.checked_at,
        }
        query = insert(bill_checks).values(fields)
        await self._connection.execute(
            query.on_conflict_do_update(
                index_elements=bill_checks.primary_key,
                set_=fields | {"tries": bill_checks.c.tries + 1},
            )
        )

    async def page(self, cursor: str | None, limit: int) -> tuple[list[BillCheck], str | None]:
        """The bill that was compared first comes last."""
        key = bill_checks.c.check_number
        rows, after = await fetch_page(self._connection, select(bill_checks), key, cursor, limit)
        return all_readable(rows, BillCheck.model_validate), after


def _beside_our_ledger() -> Select[*tuple[object, ...]]:
    line, flow, payment, refund = bill_lines.c, payment_flows.c, payments.c, refunds.c
    # Not by day: we book when we hear of it, and around midnight that is another day.
    same_flow = and_(
        flow.method == line.method, flow.kind == line.kind, flow.reference == line.reference
    )
    same_payment = and_(payment.payment_id == line.payment_id, payment.method == line.method)
    same_refund = and_(
        line.kind == FlowKind.REFUNDED,
        refund.refund_id == line.reference,
        refund.method == line.method,
    )
    came = payment_flows.alias("came").c
    is_our_trade = exists().where(
        came.method == line.method,
        came.kind == FlowKind.RECEIVED,
        came.reference == line.trade_no,
    )
    return (
        select(
            line.kind,
            line.reference,
            line.payment_id,
            line.amount,
            line.refund_state,
            flow.amount.label("booked"),
            func.coalesce(flow.order_id, payment.order_id, refund.order_id).label("order_id"),
            is_our_trade.label("is_our_trade"),
            refund.status.label("refund_status"),
            refund.amount.label("refund_amount"),
        )
        .select_from(bill_lines)
        .outerjoin(payment_flows, same_flow)
        .outerjoin(payments, same_payment)
        .outerjoin(refunds, same_refund)
    )
