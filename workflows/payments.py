"""The payments of one order that a provider may still collect."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderActivities, OrderRef, PlacedOrder
    from activities.payments import OfferPayment, PaymentActivities, PaymentRef
    from activities.refusals import refusal, refusal_from
    from domain.errors import ErrorCode
    from domain.payment import (
        POINTS_CURRENCY,
        Payment,
        PaymentMethod,
        Receipt,
        is_begun_here,
        offer_ends,
        payment_id_for,
    )
    from domain.states import HOLDING_STOCK, OWNING_STOCK, PaymentStatus
    from workflows.details import Details
    from workflows.policies import (
        ENDS_IN_FEW_EVENTS,
        PROVIDER_TIMEOUT,
        run_locally_first,
        run_until_done,
        run_while_buyer_waits,
    )
    from workflows.updates import BeginPayment
    from workflows.watches import Watches

POINTS_ONCE = "points-pay-once"


class Payments:
    """Begins payments, asks after them, and closes them before stock may go back.

    `on_receipt` is called with the money that providers say they have.
    """

    def __init__(
        self, order_id: str, details: Details, on_receipt: Callable[[Receipt], None]
    ) -> None:
        self._order_id, self._order = order_id, OrderRef(order_id=order_id)
        self._details = details
        self._on_receipt = on_receipt
        self._open: dict[str, PaymentRef] = {}
        self._latest: dict[str, Payment | PaymentRef] = {}
        self._begun: set[str] = set()
        self._attempts: Counter[str] = Counter()
        self._watches = Watches(is_open=self._open.__contains__, ask=self.ask)
        self._closing: asyncio.Task[None] | None = None
        # Others begin payments too, as long as the order is placed and nobody closes it.
        self._others_begin = False

    @property
    def closed(self) -> tuple[str, ...]:
        """The ids of all that were begun here and can be paid no more."""
        return tuple(sorted(self._begun - self._open.keys()))

    def adopt(self, placed: PlacedOrder) -> None:
        """Take over what an earlier run of this order has begun, or this one in a task that was
        lost."""
        self._others_begin = placed.to_pay.status in HOLDING_STOCK
        known = set(self._begun)
        # What is over as well: its number would be answered with what stands there, which is dead.
        self._begun.update(placed.begun_payments)
        self._take_over(placed.open_payments, known)
        for payment in placed.open_payments:
            if payment.payment_id not in known:
                self._watches.begin(payment)

    async def begin(self, update: BeginPayment, placed: PlacedOrder) -> Payment:
        """The payment for this method and scene: the standing one, or a new attempt once that
        has expired. Raises a refusal when the provider does not offer it."""
        way = _way(update.method, update.scene)
        latest = self._latest.get(way)
        if isinstance(latest, Payment) and _still_stands(latest):
            return latest
        while (payment := await self._offer(update, placed, way)).scene is not update.scene:
            # The number was taken by one that was begun without us, in another way.
            del self._latest[way]
            if payment.status is not PaymentStatus.CREATED:
                self.forget(payment.payment_id)
        self._latest[way] = payment
        if payment.receipt:
            # Points are settled as they are taken.
            self.forget(payment.payment_id)
            self._on_receipt(payment.receipt)
        self._watches.begin(payment)
        return payment

    async def _offer(self, update: BeginPayment, placed: PlacedOrder, way: str) -> Payment:
        latest = self._latest.get(way)
        # A try without an answer may have worked. Its number must not change then, or one buyer
        # could pay twice; an expired payment's must, because nobody can pay under it any more.
        ref = latest if isinstance(latest, PaymentRef) else self._next_attempt(update.method)
        offer = OfferPayment(
            payment=_new_payment(ref, update, placed),
            subject=placed.title or placed.to_pay.sku_id,
            actor=update.actor,
        )
        # Known before it is tried, as what may be open must be closed in the end.
        self._latest[way] = self._open[ref.payment_id] = ref
        try:
            return await run_while_buyer_waits(
                PaymentActivities.begin_payment,
                offer,
                f"begin {update.method} payment",
                locally_first=_may_begin_locally(update),
            )
        except ActivityError as error:
            raise refusal_from(error) from error

    async def ask(self, payment_id: str) -> None:
        """Ask the provider now what became of an open payment. No answer is no news."""
        ref = self._open.get(payment_id)
        if ref is None:
            return
        try:
            trade = await run_while_buyer_waits(
                PaymentActivities.query_payment,
                ref,
                f"ask {ref.method} about the payment",
                locally_first=ref.method is PaymentMethod.POINTS,
            )
        except ActivityError:
            return
        if trade.receipt:
            self._on_receipt(trade.receipt)

    async def ask_all(self) -> None:
        if self._others_begin and workflow.patched("recheck-asks-postgres"):
            standing = await run_locally_first(
                OrderActivities.open_payments, self._order, "which payments are open?"
            )
            self._take_over(standing.open_payments, self._begun)
        for payment_id in list(self._open):
            await self.ask(payment_id)

    def settled(self, payment_id: str, others: Iterable[Payment]) -> None:
        """It has paid the order, so nothing of it can be collected any more; of `others` it can."""
        self.forget(payment_id)
        self._know_all(others)

    def forget(self, payment_id: str) -> None:
        """Nothing of it can be collected any more."""
        self._open.pop(payment_id, None)

    def replace(self, payment_id: str) -> None:
        """Who begins to pay again is offered another payment: this one took money that had to go
        back. It still is closed in the end."""
        for way, latest in list(self._latest.items()):
            if latest.payment_id == payment_id:
                del self._latest[way]

    async def close(self, beginning: asyncio.Lock, or_until: Callable[[], bool]) -> None:
        """Make sure that nothing can be collected any more, and hear of what has been. Who holds
        `beginning` may still open one. Returns sooner, and goes on beside, once `or_until`."""
        asking = self._others_begin and _is_done("closing-in-postgres")
        if asking or (self._any_open and _is_done("closes-in-parallel")):
            closes = self._start_closing(beginning, asking=asking)
            await workflow.wait_condition(lambda: closes.done() or or_until())
            if closes.done():
                await closes
            return
        async with beginning:
            # One after the other, as runs go on that began so.
            for ref in list(self._open.values()):
                await self._close(ref)

    def _start_closing(self, beginning: asyncio.Lock, *, asking: bool) -> asyncio.Task[None]:
        """The same task as long as one is under way."""

        async def close() -> None:
            async with beginning:
                # What was settled ahead is not ended. That is found where it should be, and what
                # else is open is closed once the order is handed over.
                if asking and await self._is_paid_ahead():
                    return
                # Side by side, as a provider may be away for hours.
                await asyncio.gather(*(self._close(ref) for ref in list(self._open.values())))

        if self._closing is None or self._closing.done():
            self._closing = asyncio.create_task(close())
        return self._closing

    async def _is_paid_ahead(self) -> bool:
        """From now on nobody begins a payment of the order, and all that are open are known."""
        closing = await run_locally_first(
            OrderActivities.close_order, self._order, "begin no payment any more"
        )
        self._know_all(closing.open_payments)
        return closing.status in OWNING_STOCK

    async def _close(self, ref: PaymentRef) -> None:
        closed = await run_until_done(
            PaymentActivities.close_payment,
            ref,
            f"close {ref.method} payment",
            PROVIDER_TIMEOUT,
        )
        self.forget(ref.payment_id)
        self._details.add(f"{ref.method} payment {ref.payment_id} is closed")
        if closed.receipt:
            self._on_receipt(closed.receipt)

    def _know_all(self, open_payments: Iterable[Payment]) -> None:
        """These are open, whoever began them, and there will be no others."""
        self._others_begin = False
        self._take_over(open_payments, self._begun)

    def _take_over(self, payments: Iterable[Payment], known: Collection[str]) -> None:
        for payment in payments:
            if payment.payment_id in known:
                continue
            self._begun.add(payment.payment_id)
            self._attempts[payment.method] += 1
            ref = PaymentRef(
                payment_id=payment.payment_id, order_id=self._order_id, method=payment.method
            )
            # Whether its points were taken nobody knows; who begins it again finds out.
            again = payment.method is PaymentMethod.POINTS and workflow.patched(POINTS_ONCE)
            self._latest[_way(payment.method, payment.scene)] = ref if again else payment
            self._open[payment.payment_id] = ref

    @property
    def _any_open(self) -> bool:
        """Whether a provider may still collect, or is being kept from it."""
        return bool(self._open) or (self._closing is not None and not self._closing.done())

    def _next_attempt(self, method: PaymentMethod) -> PaymentRef:
        payment_id = ""
        while not payment_id or payment_id in self._begun:
            self._attempts[method] += 1
            payment_id = payment_id_for(self._order_id, method, self._attempts[method])
        self._begun.add(payment_id)
        return PaymentRef(payment_id=payment_id, order_id=self._order_id, method=method)


def _still_stands(payment: Payment) -> bool:
    """Whether it is the one to pay, and not another attempt."""
    if payment.expires_at > workflow.now():
        return True
    # Its points are taken already. Another attempt would be told that, and not be paid.
    return payment.method is PaymentMethod.POINTS and workflow.patched(POINTS_ONCE)


def _is_done(patch: str) -> bool:
    # Each patch is two events, so whoever begins to end under the latest is asked for no other.
    return workflow.patched(ENDS_IN_FEW_EVENTS) or workflow.patched(patch)


def _way(method: str, scene: str) -> str:
    """A buyer who wants a QR code instead of a page is given a payment of its own."""
    return f"{method}:{scene}"


def _new_payment(ref: PaymentRef, update: BeginPayment, placed: PlacedOrder) -> Payment:
    order = placed.to_pay
    amount, currency = order.amount, order.currency
    if ref.method is PaymentMethod.POINTS:
        if placed.points_amount is None:
            raise refusal(ErrorCode.INVALID, "this item cannot be paid with points")
        amount, currency = placed.points_amount, POINTS_CURRENCY
    return Payment(
        payment_id=ref.payment_id,
        order_id=ref.order_id,
        method=ref.method,
        scene=update.scene,
        status=PaymentStatus.CREATED,
        amount=amount,
        currency=currency,
        expires_at=offer_ends(ref.method, update.scene, workflow.now(), placed.deadline),
        created_at=workflow.now(),
    )


def _may_begin_locally(update: BeginPayment) -> bool:
    # A task that is lost takes its local activities out of the history, not out of the world:
    # nobody would know of points that were taken, so nobody would give them back.
    if update.method is PaymentMethod.POINTS and workflow.patched("points-are-begun-on-record"):
        return False
    return is_begun_here(update.method, update.scene)
