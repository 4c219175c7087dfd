"""The payments of one order that a provider may still collect."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities import payments as providers
    from activities.payments import PaymentActivities, PaymentRef
    from activities.refusals import refusal
    from domain.errors import ErrorCode
    from domain.order import Order
    from domain.payment import (
        POINTS_CURRENCY,
        Payment,
        PaymentMethod,
        Receipt,
        is_begun_here,
        payment_id_for,
    )
    from workflows.details import Story
    from workflows.placement import StockHold
    from workflows.policies import PROVIDER_TIMEOUT, persistently, while_the_buyer_waits
    from workflows.updates import BeginPayment

# When no notice came, a provider is asked this long after the payment was begun.
ASK_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))


class OpenPayments:
    """Begins payments and remembers which must be closed before stock may go back."""

    def __init__(self, order_id: str) -> None:
        self._order_id = order_id
        self._refs: dict[str, PaymentRef] = {}
        self._latest: dict[str, Payment | PaymentRef] = {}
        self._attempts: Counter[str] = Counter()
        self._watched: dict[str, asyncio.Task[None]] = {}
        self.lock = asyncio.Lock()

    def open(self) -> list[PaymentRef]:
        return list(self._refs.values())

    def forget(self, payment_id: str) -> None:
        self._refs.pop(payment_id, None)

    def replace(self, payment_id: str) -> None:
        """Who begins to pay again is offered another payment: this one took money that had to go
        back. It still is closed in the end."""
        for way, latest in list(self._latest.items()):
            if latest.payment_id == payment_id:
                del self._latest[way]

    def adopt(self, payment: Payment) -> None:
        """Take over what an earlier run of this order has begun."""
        self._attempts[payment.method] += 1
        self._latest[f"{payment.method}:{payment.scene}"] = payment
        self._refs[payment.payment_id] = PaymentRef(
            payment_id=payment.payment_id, order_id=self._order_id, method=payment.method
        )

    async def begin(self, command: BeginPayment, order: Order, stock: StockHold) -> Payment:
        """The payment for this method and scene: the standing one, or a new attempt once that
        has expired. Raises ActivityError when the provider does not offer it."""
        way = f"{command.method}:{command.scene}"
        latest = self._latest.get(way)
        if isinstance(latest, Payment) and latest.expires_at > workflow.now():
            return latest
        # A try without an answer may have worked: the next one asks for the same payment.
        ref = latest if isinstance(latest, PaymentRef) else self._next_attempt(command.method)
        charge = _charge(ref, command, order, stock)
        self._latest[way] = self._refs[ref.payment_id] = ref
        payment = await while_the_buyer_waits(
            PaymentActivities.begin_payment,
            charge,
            f"begin {command.method} payment",
            at_hand=is_begun_here(command.method, command.scene),
        )
        self._latest[way] = payment
        return payment

    def watch(self, payment: Payment, ask: Callable[[str], Awaitable[None]]) -> None:
        """Ask the provider by ourselves from time to time: notices get lost."""
        if payment.payment_id in self._watched:
            return
        self._watched[payment.payment_id] = asyncio.create_task(self._watch(payment, ask))

    async def query(self, payment_id: str) -> Receipt | None:
        """What a provider says of an open payment; None when it is unpaid or does not answer."""
        ref = self._refs.get(payment_id)
        if ref is None:
            return None
        try:
            trade = await while_the_buyer_waits(
                PaymentActivities.query_payment,
                ref,
                f"ask {ref.method} about the payment",
                at_hand=ref.method is PaymentMethod.POINTS,
            )
        except ActivityError:
            return None
        return trade.receipt

    async def close_all(self, notice: Callable[[Receipt], None], story: Story) -> None:
        """Make sure that nothing can be collected any more, and hear of what has been."""
        async with self.lock:
            for ref in self.open():
                closed = await persistently(
                    PaymentActivities.close_payment,
                    ref,
                    f"close {ref.method} payment",
                    PROVIDER_TIMEOUT,
                )
                self.forget(ref.payment_id)
                story.tell(f"{ref.method} payment {ref.payment_id} is closed")
                if closed.receipt:
                    notice(closed.receipt)

    def _next_attempt(self, method: PaymentMethod) -> PaymentRef:
        self._attempts[method] += 1
        payment_id = payment_id_for(self._order_id, method, self._attempts[method])
        return PaymentRef(payment_id=payment_id, order_id=self._order_id, method=method)

    async def _watch(self, payment: Payment, ask: Callable[[str], Awaitable[None]]) -> None:
        waited = timedelta()
        for moment in ASK_AFTER:
            if workflow.now() + moment - waited >= payment.expires_at:
                return
            await workflow.sleep(moment - waited, summary="ask the provider if no notice came")
            waited = moment
            if payment.payment_id not in self._refs:
                return
            await ask(payment.payment_id)


def _charge(
    ref: PaymentRef, command: BeginPayment, order: Order, stock: StockHold
) -> providers.BeginPayment:
    amount, currency = order.amount, order.currency
    if ref.method is PaymentMethod.POINTS:
        if stock.points_amount is None:
            raise refusal(ErrorCode.INVALID, "this item cannot be paid with points")
        amount, currency = stock.points_amount, POINTS_CURRENCY
    return providers.BeginPayment(
        payment_id=ref.payment_id,
        order_id=ref.order_id,
        method=ref.method,
        scene=command.scene,
        amount=amount,
        currency=currency,
        subject=stock.title,
        begun_at=workflow.now(),
        expires_at=order.pay_deadline or order.created_at,
        actor=command.actor,
    )
