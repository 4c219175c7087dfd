"""What providers told us, told on to the workflow it is about."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import structlog
from temporalio.service import RPCError

from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.gateway_errors import GatewayError
from domain.notice import LEFT_TO_A_PERSON, SIGNALS_AT_MOST, Notice, NoticeKind, Verdict
from domain.order import Order
from domain.payment import Payment, PaymentMethod, Receipt
from domain.surplus_money import is_settled, surplus_refund, why_surplus
from infra.gateways.protocol import Gateway
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.flights.settling import Money, SettlingFlights
from infra.postgres.notice_queue import NoticeQueue
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.refunds import Refunds
from notices.telling import OrdersToTell, WorkflowsToTell, hears_no_more

log = structlog.get_logger()

PROMPTLY_SECONDS = 12.0
DRAIN_SECONDS = 2.0
# After the first time and three more, which is half an hour.
TELLINGS_BEFORE_A_PERSON = 4


_DEAF = (
    "the workflow was told so often that it is not told again; it goes on by itself",
    "Look at the order's workflow in Temporal: why does it not act? It asks the provider itself,"
    " and a repair finds in Postgres what it has missed.",
)


class RelayOutcome(StrEnum):
    """SIGNALLED: a running workflow knows; REFUNDING: nobody waited for the money, so it goes
    back; UNMATCHED: a person has to look; DUPLICATE and UNCONFIRMED: nothing to do."""

    SIGNALLED = "signalled"
    REFUNDING = "refunding"
    DUPLICATE = "duplicate"
    UNCONFIRMED = "unconfirmed"
    UNMATCHED = LEFT_TO_A_PERSON


@dataclass(frozen=True)
class _Found:
    """What Postgres knows of money. `is_no_news`: it was dealt with, and by more than settling it
    ahead of the workflow."""

    payment: Payment | None
    order: Order | None
    is_no_news: bool


class NoticeRelay:
    def __init__(
        self,
        database: Database,
        workflows: WorkflowsToTell,
        gateways: Mapping[PaymentMethod, Gateway],
    ) -> None:
        self._database = database
        self._workflows = workflows
        self._orders = OrdersToTell(workflows)
        self._gateways = gateways
        self._settling = SettlingFlights(database)
        self._in_background: set[asyncio.Task[RelayOutcome]] = set()

    async def relay(self, notice: Notice) -> RelayOutcome:
        """Tell whom it concerns; telling again is harmless.

        Raises RPCError or RuntimeError while Temporal is away, GatewayError while a provider that
        has to be asked is.
        """
        if notice.order_id is None:
            return await self._leave_to_a_person(
                notice,
                f"{notice.method} has news of {notice.payment_id}, which is no order's of ours",
                "Look it up in the provider's console.",
            )
        if await self._was_told_enough(notice):
            return await self._leave_to_a_person(notice, *_DEAF)
        try:
            return await self._tell(notice, notice.order_id)
        except RPCError as error:
            if not hears_no_more(error):
                raise
            return await self._leave_to_a_person(notice, *_DEAF)

    async def _tell(self, notice: Notice, order_id: str) -> RelayOutcome:
        if notice.kind is NoticeKind.REFUND:
            return await self._relay_refund(notice)
        receipt = await self._confirmed_receipt(notice)
        if receipt is None:
            return await self._handled(notice, RelayOutcome.UNCONFIRMED)
        receipt = receipt.model_copy(update={"notice_id": notice.notice_id})
        outcome = await self.tell_of_money(order_id, receipt)
        if outcome is RelayOutcome.DUPLICATE:
            return await self._handled(notice, outcome)
        if outcome is RelayOutcome.UNMATCHED:
            return await self._leave_to_a_person(
                notice,
                f"{notice.method} says {receipt.trade_no} was paid, but no workflow of the order"
                " is running",
                "Audit and repair, so that the order goes on; the notice is told again then.",
            )
        # Not handled yet: a signal may be lost with its workflow, so the transaction that takes
        # the money marks the notice.
        await self._note_told(notice, receipt)
        return outcome

    async def _was_told_enough(self, notice: Notice) -> bool:
        # Not asked of what was never told: that is what most are, and there are only so many.
        if not notice.signals:
            return False
        async with self._database.transaction() as connection:
            return await NoticeQueue(connection).signals_like(notice) >= SIGNALS_AT_MOST

    async def relay_promptly(self, notice: Notice) -> RelayOutcome:
        """As `relay`, for who waits for the answer. Raises TimeoutError as well."""
        # A lazy client connects at its first call and would wait for that without end.
        async with asyncio.timeout(PROMPTLY_SECONDS):
            return await self.relay(notice)

    def relay_in_background(self, notice: Notice) -> None:
        """What cannot be told now is told again by the worker."""

        def relayed(done: asyncio.Task[RelayOutcome]) -> None:
            self._in_background.discard(done)
            if not done.cancelled() and (error := done.exception()):
                expected = isinstance(error, RPCError | RuntimeError | TimeoutError | GatewayError)
                log.log(
                    logging.WARNING if expected else logging.ERROR,
                    "notice_not_told",
                    order_id=notice.order_id,
                    error=repr(error)[:200],
                )

        task = asyncio.create_task(self.relay_promptly(notice))
        # The event loop itself keeps no reference, and a task without one may vanish.
        self._in_background.add(task)
        task.add_done_callback(relayed)

    async def aclose(self) -> None:
        """Give what is in the background a moment, then leave it to the worker."""
        if self._in_background:
            _, late = await asyncio.wait(self._in_background, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()

    async def tell_of_money(self, order_id: str, receipt: Receipt) -> RelayOutcome:
        """Settle money that has arrived, however we heard of it, and tell its order. UNMATCHED:
        nobody waits for it, and yet the order should have it. Raises as `relay`."""
        await self._settle_ahead(order_id, receipt)
        found = await self._look(receipt)
        if found.is_no_news:
            return RelayOutcome.DUPLICATE
        if await self._orders.tell(order_id, receipt, found.order):
            return RelayOutcome.SIGNALLED
        # The order's workflow is over, so the money has nobody to take it.
        found = await self._look(receipt)
        payment, order = found.payment, found.order
        if payment is None or order is None:
            return RelayOutcome.UNMATCHED
        if found.is_no_news:
            # Its workflow took the money and ended while we were about to tell it.
            return RelayOutcome.DUPLICATE
        reason = why_surplus(order, payment, receipt)
        if reason is None:
            return RelayOutcome.UNMATCHED
        request = surplus_refund(order.order_id, receipt, reason, payment.currency)
        if await self._workflows.start_refund(request):
            log.info("late_money_found", order_id=request.order_id, reason=request.reason)
        return RelayOutcome.REFUNDING

    async def _settle_ahead(self, order_id: str, receipt: Receipt) -> None:
        """The plain case is paid from here on. Everything else is for the order's workflow, and so
        is what cannot be settled now."""
        try:
            await self._settling.settle(Money(order_id, receipt))
        except Exception as error:
            log.warning("not_settled_ahead", order_id=order_id, error=repr(error)[:200])

    async def _look(self, receipt: Receipt) -> _Found:
        async with self._database.transaction() as connection:
            payment = await Payments(connection).get(receipt.payment_id)
            if payment is None:
                return _Found(None, None, is_no_news=False)
            orders = Orders(connection)
            settled = is_settled(payment, receipt)
            return _Found(
                payment,
                await orders.get(payment.order_id),
                is_no_news=settled and not await orders.is_unheard_of(payment.order_id),
            )

    async def _confirmed_receipt(self, notice: Notice) -> Receipt | None:
        """The money as it arrived; None where nobody confirms it. Where a notice names another
        amount than ours, the provider itself is asked: the notice may be forged by who knows the
        key, or the money be another."""
        if notice.verdict is Verdict.ACCEPTED:
            return notice.receipt
        gateway = self._gateways.get(notice.method)
        if notice.verdict is not Verdict.WRONG_AMOUNT or gateway is None or not notice.payment_id:
            return None
        trade = await gateway.query(notice.payment_id)
        if trade.receipt:
            async with self._database.transaction() as connection:
                await Attentions(connection).resolve(
                    AttentionKind.SURPLUS_MONEY,
                    notice.notice_id,
                    SYSTEM,
                    f"{notice.method} has {trade.receipt.amount}",
                )
        return trade.receipt

    async def _relay_refund(self, notice: Notice) -> RelayOutcome:
        news = notice.refund
        if news is None:
            raise ValueError(f"notice {notice.notice_id} says nothing of a refund")
        if await self._workflows.tell_of_refund(notice.method, news):
            return await self._handled(notice, RelayOutcome.SIGNALLED)
        async with self._database.transaction() as connection:
            refund = await Refunds(connection).get(news.refund_id)
        if refund and refund.is_over:
            return await self._handled(notice, RelayOutcome.DUPLICATE)
        return await self._leave_to_a_person(
            notice,
            f"{notice.method} says refund {news.refund_id} of {news.payment_id} was made, and we"
            " did not ask for it"
            if refund is None
            else f"{notice.method} has news of refund {news.refund_id}, and nobody works on it",
            "Find out who asked the provider for it. If it gave money back, write that down:"
            " refund the order with `by_hand`; then resolve this.",
        )

    async def _handled(self, notice: Notice, outcome: RelayOutcome) -> RelayOutcome:
        async with self._database.transaction() as connection:
            await Notices(connection).mark_handled(notice.notice_id, outcome)
            if outcome is RelayOutcome.SIGNALLED:
                await NoticeQueue(connection).count_signal(notice)
        return outcome

    async def _note_told(self, notice: Notice, receipt: Receipt) -> None:
        async with self._database.transaction() as connection:
            times = await NoticeQueue(connection).note_told(notice)
            if times >= TELLINGS_BEFORE_A_PERSON:
                await Attentions(connection).raise_(
                    AttentionKind.UNMATCHED_NOTICE,
                    notice.notice_id,
                    order_id=notice.order_id,
                    what=f"{notice.method} says {receipt.trade_no} was paid; a workflow was told"
                    f" {times} times and has not acted on it",
                    advice="Look at the order's workflow in Temporal, and at its refund's: what"
                    " are they waiting for? This closes when the money is in the ledger.",
                )

    async def _leave_to_a_person(self, notice: Notice, what: str, advice: str) -> RelayOutcome:
        """For good: it is not told again before a person, or a repair, wants it to be."""
        async with self._database.transaction() as connection:
            # In one transaction, so that what a person has closed is not found and raised again.
            if await Notices(connection).mark_handled(notice.notice_id, LEFT_TO_A_PERSON):
                await Attentions(connection).raise_(
                    AttentionKind.UNMATCHED_NOTICE,
                    notice.notice_id,
                    order_id=notice.order_id,
                    what=what,
                    advice=advice,
                )
        return RelayOutcome.UNMATCHED
