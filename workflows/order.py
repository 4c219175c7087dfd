"""The order saga: from an accepted intent to an order that is paid, or undone without a trace
of it left in stock or money."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal, refusal_from
    from domain import actors
    from domain.errors import ErrorCode
    from domain.order import Order, RejectReason
    from domain.payment import Payment, PaymentMethod, Receipt
    from domain.reservation import Intent
    from domain.states import OWNING_STOCK, UNFINISHED, OrderStatus, PaymentStatus
    from workflows.deliveries import DecidesDeliveries, Deliveries
    from workflows.details import Story, tell_search
    from workflows.payments import OpenPayments
    from workflows.placement import Ending, StockHold
    from workflows.policies import wait_until
    from workflows.receipts import Till
    from workflows.updates import (
        BeginPayment,
        CancelOrder,
        ExtendDeadline,
        OrderOutcome,
        PayWithPoints,
        RecheckPayment,
    )

TOO_LATE = Ending(OrderStatus.TIMED_OUT, "not paid in time")
BROKEN = Ending(OrderStatus.CANCELLED, "a step failed for good")
IN_TEMPORAL = CancelOrder(actor=actors.IN_TEMPORAL, reason="cancelled in Temporal")


@workflow.defn
class OrderWorkflow(DecidesDeliveries):
    """One order. The workflow is the only writer of its status."""

    @workflow.init
    def __init__(self, intent: Intent) -> None:
        self._intent = intent
        self._status = OrderStatus.QUEUED
        self._reason: str | None = None
        self._stock = StockHold(intent, self._tell_delay)
        self._story = Story(f"{intent.quantity} × {intent.sku_id} for {intent.user_id}")
        self._payments = OpenPayments(intent.order_id)
        self._till = Till(intent.order_id, self._story)
        self._deliveries = Deliveries(intent.order_id, self._story)
        self._cancel: CancelOrder | None = None
        self._closing = False

    @workflow.run
    async def run(self, intent: Intent) -> OrderOutcome:
        # The story runs beside, so that a cancel from the Temporal UI becomes a request like any
        # other and cannot tear a step in two.
        story = asyncio.create_task(self._live())
        try:
            await asyncio.shield(story)
        except asyncio.CancelledError:
            if workflow.cancellation_reason() is None:
                raise
            self._cancel = self._cancel or IN_TEMPORAL
            await story
            if self._status is OrderStatus.CANCELLED:
                raise
        return OrderOutcome(order_id=intent.order_id, status=self._status, reason=self._reason)

    async def _live(self) -> None:
        try:
            if await self._acquire_stock():
                if await self._collect_payment():
                    await self._hand_over()
                else:
                    await self._give_up()
        except FailureError:
            if self._status in UNFINISHED:
                await self._end(BROKEN)
            await self._finish()
            raise
        await self._finish()

    # The steps, in their order.

    async def _acquire_stock(self) -> bool:
        if reason := await self._stock.reserve():
            await self._reject(reason, drift=False)
            return False
        self._story.tell("stock is reserved")
        if reason := await self._stock.place():
            await self._reject(reason, drift=reason is not RejectReason.RELEASED)
            return False
        for payment in self._stock.open_payments:
            self._payments.adopt(payment)
            self._payments.watch(payment, self._ask_provider)
        self._enter(
            OrderStatus.PENDING_PAYMENT, f"waits for payment until {self._deadline:%H:%M:%S}"
        )
        return True

    async def _reject(self, reason: RejectReason, *, drift: bool) -> None:
        await self._stock.reject(reason, drift=drift)
        self._reason = reason
        self._enter(OrderStatus.REJECTED, f"rejected: {reason}")

    async def _collect_payment(self) -> bool:
        """True once the order is paid; False when it is certain that it will not be."""
        if self._order.status in OWNING_STOCK:
            # An earlier run of this order was terminated after the money had arrived.
            return True
        while await self._wait_for_money():
            payment_id = self._till.receipts[0].payment_id
            if await self._till.take_next():
                self._payments.forget(payment_id)
                return True
            self._payments.replace(payment_id)
        return False

    async def _wait_for_money(self) -> bool:
        till = self._till
        while not (till.receipts or self._cancel or workflow.now() >= self._deadline):
            deadline = self._deadline
            await wait_until(
                deadline,
                lambda: bool(till.receipts or self._cancel or self._deadline != deadline),  # noqa: B023
                "payment window",
            )
        if not till.receipts:
            await self._close_payments()
        return bool(till.receipts)

    async def _close_payments(self) -> None:
        """Stock goes back only after no payment can arrive any more; one that has arrived in
        the meantime counts."""
        self._closing = True
        await self._payments.close_all(self._till.notice, self._story)

    async def _hand_over(self) -> None:
        self._status = OrderStatus.PAID
        self._story.tell(f"paid by {self._till.paid_by}")
        _, status = await asyncio.gather(self._stock.hand_over(), self._deliveries.carry_out())
        if status is None:
            # A person may take days to decide. Until then the order is found as what it is, and
            # money that still arrives does not wait.
            self._enter(OrderStatus.PAID, "not all could be delivered")
            status = await self._account_for_money_during(self._deliveries.see_through())
        self._enter(status, "nothing is owed any more")

    async def _account_for_money_during(
        self, work: Coroutine[None, None, OrderStatus]
    ) -> OrderStatus:
        working = asyncio.create_task(work)
        await self._close_payments()
        while not working.done():
            await workflow.wait_condition(lambda: bool(working.done() or self._till.receipts))
            await self._till.take_all()
        return await working

    async def _give_up(self) -> None:
        cancel = self._cancel
        await self._end(
            Ending(OrderStatus.CANCELLED, cancel.reason, cancel.actor) if cancel else TOO_LATE
        )

    async def _end(self, ending: Ending) -> None:
        self._reason = ending.reason
        await self._stock.give_back(ending)
        placed = self._stock.order is not None
        self._enter(ending.status if placed else OrderStatus.REJECTED, ending.reason)

    async def _finish(self) -> None:
        """Leave no caller without an answer and no money unaccounted for."""
        await self._answer_callers()
        await self._close_payments()
        while self._till.receipts:
            await self._till.take_next()
            await self._answer_callers()

    async def _answer_callers(self) -> None:
        """Some wait for money to be taken, so it is taken while they are waited for."""
        till, all_answered = self._till, workflow.all_handlers_finished
        while not all_answered():
            await workflow.wait_condition(lambda: all_answered() or bool(till.receipts))
            if not all_answered():
                await till.take_all()

    # What callers may say.

    @workflow.signal(description="A provider says that money has arrived")
    def payment_noticed(self, receipt: Receipt) -> None:
        self._till.notice(receipt)

    @workflow.update
    async def begin_payment(self, command: BeginPayment) -> Payment:
        """Offer the order to the buyer at a payment provider."""
        return await self._begin(command)

    @begin_payment.validator
    def _refuse_unless_payable(self, command: BeginPayment) -> None:
        too_late = self._stock.order is not None and workflow.now() >= self._deadline
        decided = too_late or self._closing or self._cancel or self._till.receipts
        if decided or self._status not in UNFINISHED:
            raise self._wrong_state()

    @workflow.update
    async def pay_with_points(self, command: PayWithPoints) -> Payment:
        """Take the points and settle; what cannot be settled goes back like any surplus."""
        payment = await self._begin(command.as_payment())
        await self._ask_provider(payment.payment_id)
        await workflow.wait_condition(lambda: not self._till.receipts)
        if self._till.paid_by is not PaymentMethod.POINTS:
            raise self._wrong_state()
        return payment.model_copy(update={"status": PaymentStatus.PAID})

    @pay_with_points.validator
    def _refuse_points_unless_payable(self, command: PayWithPoints) -> None:
        self._refuse_unless_payable(command.as_payment())

    @workflow.update
    async def cancel(self, command: CancelOrder) -> OrderStatus:
        """Give the order up before it is paid."""
        self._cancel = self._cancel or command
        await workflow.wait_condition(lambda: self._status not in UNFINISHED)
        if self._status is not OrderStatus.CANCELLED:
            raise self._wrong_state()
        return self._status

    @cancel.validator
    def _refuse_to_cancel_what_is_over(self, command: CancelOrder) -> None:
        if self._status not in UNFINISHED:
            raise self._wrong_state()

    @workflow.update
    async def extend_deadline(self, command: ExtendDeadline) -> datetime:
        """Give the buyer more time to pay."""
        deadline = await self._stock.extend(self._order, command)
        self._story.tell(f"{command.actor} extended the deadline to {deadline:%H:%M:%S}")
        return deadline

    @extend_deadline.validator
    def _refuse_unless_waiting(self, command: ExtendDeadline) -> None:
        if self._status is not OrderStatus.PENDING_PAYMENT or self._closing:
            raise self._wrong_state()

    @workflow.update
    async def recheck_payment(self, command: RecheckPayment) -> OrderStatus:
        """Ask the providers now whether the order is paid."""
        for ref in self._payments.open():
            await self._ask_provider(ref.payment_id)
        await workflow.wait_condition(lambda: not self._till.receipts)
        return self._status

    # What is known.

    @property
    def _order(self) -> Order:
        if self._stock.order is None:
            raise self._wrong_state()
        return self._stock.order

    @property
    def _deadline(self) -> datetime:
        return self._order.pay_deadline or self._order.created_at

    async def _begin(self, command: BeginPayment) -> Payment:
        await workflow.wait_condition(lambda: self._status is not OrderStatus.QUEUED)
        async with self._payments.lock:
            self._refuse_unless_payable(command)
            try:
                payment = await self._payments.begin(command, self._order, self._stock)
            except ActivityError as error:
                raise refusal_from(error) from error
        self._story.tell(f"{command.method} payment {payment.payment_id} begun")
        self._payments.watch(payment, self._ask_provider)
        return payment

    async def _ask_provider(self, payment_id: str) -> None:
        if receipt := await self._payments.query(payment_id):
            self.payment_noticed(receipt)

    def _wrong_state(self) -> BaseException:
        return refusal(
            ErrorCode.INVALID_STATE, f"the order is {self._status}", order_status=self._status
        )

    def _enter(self, status: OrderStatus, line: str) -> None:
        self._status = status
        self._story.tell(line)
        tell_search(status, self._till.paid_by)

    def _tell_delay(self) -> None:
        self._story.tell("not done at once, tried until it is")
        tell_search(self._status)
