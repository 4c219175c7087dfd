"""The order saga: from an accepted intent to an order that is paid, or undone without a trace
of it left in stock or money."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.refusals import refusal
    from domain.errors import ErrorCode
    from domain.payment import Payment, PaymentMethod, Receipt
    from domain.quoting import quoted
    from domain.reservation import Intent
    from domain.states import OWNING_STOCK, UNFINISHED, OrderStatus, PaymentStatus
    from workflows.deliveries import DecidesDeliveries, Deliveries
    from workflows.details import Details, update_search
    from workflows.payments import Payments
    from workflows.placement import BROKEN, IN_TEMPORAL, TOO_LATE, Ending, Placement
    from workflows.policies import wait_until
    from workflows.receipts import Receipts
    from workflows.updates import (
        BeginPayment,
        CancelOrder,
        ExtendDeadline,
        OrderOutcome,
        PayWithPoints,
        RecheckPayment,
    )


@workflow.defn
class OrderWorkflow(DecidesDeliveries):
    """One order. What is plain may be written ahead; the workflow finds it, and alone decides."""

    # Updates may be handled before `run` begins, so all they touch is made here.
    @workflow.init
    def __init__(self, intent: Intent) -> None:
        self._status = OrderStatus.QUEUED
        self._reason: str | None = None
        self._details = Details(f"{intent.quantity} × {intent.sku_id} for {quoted(intent.user_id)}")
        self._placement = Placement(intent, self._details)
        self._receipts = Receipts(intent, self._details)
        self._payments = Payments(intent.order_id, self._details, on_receipt=self._receipts.add)
        self._deliveries = Deliveries(intent.order_id, self._details)
        # Payments are begun one at a time, and none while all are being closed.
        self._paying = asyncio.Lock()
        self._given_up: Ending | None = None
        self._closing = False

    @workflow.run
    async def run(self, intent: Intent) -> OrderOutcome:
        # The saga runs beside, so that a cancel from the Temporal UI becomes a request like any
        # other and cannot tear a step in two.
        saga = asyncio.create_task(self._live())
        try:
            await asyncio.shield(saga)
        except asyncio.CancelledError:
            # Being evicted from the worker's cache looks the same, and must not be swallowed.
            if workflow.cancellation_reason() is None:
                raise
            self._given_up = self._given_up or IN_TEMPORAL
            await saga
            if self._status is OrderStatus.CANCELLED:
                raise
        return OrderOutcome(order_id=intent.order_id, status=self._status, reason=self._reason)

    async def _live(self) -> None:
        try:
            if await self._reserve_and_place():
                while not await self._collect_payment():
                    if await self._end(self._given_up or TOO_LATE, self._payments.closed):
                        break
                else:
                    await self._hand_over()
        except FailureError:
            if self._status in UNFINISHED:
                await self._end(BROKEN)
            await self._finish()
            raise
        await self._finish()

    # The steps, in their order.

    async def _reserve_and_place(self) -> bool:
        """False when there is nothing to be paid or delivered."""
        if refused := await self._placement.reserve_and_place():
            await self._placement.reject(refused)
            self._reason = refused
            self._enter(OrderStatus.REJECTED, f"rejected: {refused}")
            return False
        self._payments.adopt(self._placement.placed)
        if self._placement.is_over:
            self._enter_as_it_is()
            return False
        self._enter(
            OrderStatus.PENDING_PAYMENT, f"waits for payment until {self._deadline:%H:%M:%S}"
        )
        return True

    async def _collect_payment(self) -> bool:
        """True once the order is paid; False when it is certain that it will not be."""
        if self._placement.placed.to_pay.status in OWNING_STOCK:
            # Settled by an earlier run that was terminated, or in a task of this one that was lost.
            return True
        while await self._wait_for_money():
            taken = await self._receipts.take_next()
            if taken.pays:
                self._payments.settled(taken.payment_id, taken.others)
                return True
            self._payments.replace(taken.payment_id)
        return False

    async def _wait_for_money(self) -> bool:
        receipts = self._receipts
        while not (receipts.any_waiting or self._given_up or workflow.now() >= self._deadline):
            old = self._deadline
            await wait_until(
                old,
                # A timer cannot be moved: a new deadline ends the wait for the old one.
                lambda: bool(receipts.any_waiting or self._given_up or self._deadline != old),  # noqa: B023
                "payment window",
            )
        if not receipts.any_waiting:
            await self._close_payments()
        return receipts.any_waiting

    async def _close_payments(self, or_until: Callable[[], bool] = lambda: False) -> None:
        """Stock goes back only after no payment can arrive any more. Ends sooner when money has
        arrived: that counts, and does not wait for a provider that is away."""
        self._closing = True
        await self._payments.close(
            self._paying, or_until=lambda: self._receipts.any_waiting or or_until()
        )

    async def _hand_over(self) -> None:
        self._status = OrderStatus.PAID
        self._details.add(f"paid by {self._receipts.paid_by}")
        done = self._receipts.handed_over
        # Side by side, because neither waits for the other.
        _, owed = await asyncio.gather(
            self._placement.sell(is_sold=done.sold), self._deliveries.carry_out(done.owed)
        )
        status = owed.order_status
        if owed.open:
            # A person may take days to decide. Until then the order is found as what it is, and
            # money that still arrives does not wait.
            self._enter(OrderStatus.PAID, "not all could be delivered")
            work = asyncio.create_task(self._deliveries.see_through())
            await self._close_payments(or_until=work.done)
            while not work.done():
                await workflow.wait_condition(lambda: work.done() or self._receipts.any_waiting)
                await self._receipts.take_all()
            status = await work
        self._enter(status, "nothing is owed any more")

    async def _end(self, ending: Ending, closed: tuple[str, ...] | None = None) -> bool:
        """False when the order has come further than this run knew: it goes on from there."""
        undone = await self._placement.undo(ending, closed)
        if self._placement.is_over:
            self._enter_as_it_is()
            return True
        if not undone:
            self._payments.adopt(self._placement.placed)
            self._details.add("Postgres knows more of the order, and is believed")
            return False
        self._reason = ending.reason
        placed = self._placement.placed.order is not None
        self._enter(ending.status if placed else OrderStatus.REJECTED, ending.told)
        return True

    def _enter_as_it_is(self) -> None:
        """Somebody else has ended it, or gives it back: this run has nothing to do but finish."""
        order = self._placement.placed.to_pay
        self._reason = order.reason
        self._enter(order.status, "it is over, by somebody else's doing")

    async def _finish(self) -> None:
        """Leave no caller without an answer and no money unaccounted for."""
        await self._answer_callers()
        await self._close_payments()
        while self._receipts.any_waiting:
            await self._receipts.take_next()
            await self._answer_callers()
            # What was still being closed when the money came.
            await self._close_payments()

    async def _answer_callers(self) -> None:
        """Some wait for money to be taken, so it is taken while they are waited for."""
        # A workflow that ends under an update tells its caller "not found" instead of an answer.
        all_answered = workflow.all_handlers_finished
        while not all_answered():
            await workflow.wait_condition(lambda: all_answered() or self._receipts.any_waiting)
            if not all_answered():
                await self._receipts.take_all()

    # What callers may say.

    @workflow.signal(description="A provider says that money has arrived")
    def payment_noticed(self, receipt: Receipt) -> None:
        self._receipts.add(receipt)

    @workflow.signal(description="The whole sale is cancelled")
    def sale_cancelled(self, cancel: CancelOrder) -> None:
        self._given_up = self._given_up or Ending.wanted_by(cancel)

    @workflow.update
    async def begin_payment(self, update: BeginPayment) -> Payment:
        """Offer the order to the buyer at a payment provider."""
        return await self._begin(update)

    @begin_payment.validator
    def _refuse_to_begin_a_payment(self, update: BeginPayment) -> None:
        self._refuse_unless_payable()

    @workflow.update
    async def pay_with_points(self, update: PayWithPoints) -> Payment:
        """Take the points and settle; what cannot be settled goes back like any surplus."""
        payment = await self._begin(update.as_payment())
        await self._payments.ask(payment.payment_id)
        await workflow.wait_condition(lambda: not self._receipts.any_waiting)
        if self._receipts.paid_by is not PaymentMethod.POINTS:
            raise self._wrong_state()
        return payment.model_copy(update={"status": PaymentStatus.PAID})

    @pay_with_points.validator
    def _refuse_to_take_points(self, update: PayWithPoints) -> None:
        self._refuse_unless_payable()

    @workflow.update
    async def cancel(self, update: CancelOrder) -> OrderStatus:
        """Give the order up before it is paid."""
        self._given_up = self._given_up or Ending.wanted_by(update)
        await workflow.wait_condition(lambda: self._status not in UNFINISHED)
        if self._status is not OrderStatus.CANCELLED:
            raise self._wrong_state()
        return self._status

    @cancel.validator
    def _refuse_to_cancel_what_is_over(self, update: CancelOrder) -> None:
        if self._status not in UNFINISHED:
            raise self._wrong_state()

    @workflow.update
    async def extend_deadline(self, update: ExtendDeadline) -> datetime:
        """Give the buyer more time to pay."""
        async with self._placement.extending():
            # Asked again: while it waited for its turn, the order may have been decided.
            self._refuse_unless_waiting(update)
            deadline = await self._placement.extend(update)
        self._details.add(f"{quoted(update.actor)} extended the deadline to {deadline:%H:%M:%S}")
        return deadline

    @extend_deadline.validator
    def _refuse_unless_waiting(self, update: ExtendDeadline) -> None:
        if self._status is not OrderStatus.PENDING_PAYMENT or self._closing:
            raise self._wrong_state()

    @workflow.update
    async def recheck_payment(self, update: RecheckPayment) -> OrderStatus:
        """Ask the providers now whether the order is paid."""
        await self._payments.ask_all()
        await workflow.wait_condition(lambda: not self._receipts.any_waiting)
        return self._status

    # What is known.

    @property
    def _deadline(self) -> datetime:
        return self._placement.placed.deadline

    async def _begin(self, update: BeginPayment) -> Payment:
        await workflow.wait_condition(lambda: self._status is not OrderStatus.QUEUED)
        async with self._paying:
            # Checked again: while it waited for its turn, the order may have been decided.
            self._refuse_unless_payable()
            payment = await self._payments.begin(update, self._placement.placed)
        self._details.add(f"{update.method} payment {payment.payment_id} begun")
        return payment

    def _refuse_unless_payable(self) -> None:
        is_placed = self._placement.placed.order is not None
        too_late = is_placed and workflow.now() >= self._deadline
        decided = too_late or self._closing or self._given_up or self._receipts.any_waiting
        if decided or self._status not in UNFINISHED:
            raise self._wrong_state()

    def _wrong_state(self) -> BaseException:
        return refusal(
            ErrorCode.INVALID_STATE, f"the order is {self._status}", order_status=self._status
        )

    def _enter(self, status: OrderStatus, line: str) -> None:
        self._status = status
        self._details.add(line)
        update_search(status, self._receipts.paid_by)
