"""Money on its way back: asked for under one number until it has arrived, or a person decides."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.late_payments import LatePayment
    from activities.refund_calls import AskRefund, RefundCallActivities
    from activities.refund_messages import RefundMessageActivities, TellBuyer
    from activities.refunds import (
        FailRefund,
        FinishRefund,
        OpenedRefund,
        RefundActivities,
        ReopenRefund,
    )
    from activities.refusals import refusal
    from activities.stock import ReleaseStock, StockActivities
    from domain.errors import ErrorCode
    from domain.ids import workflow_id
    from domain.notice import RefundReport
    from domain.quoting import quoted
    from domain.refund import Refund, RefundAnswer, RefundReason, RefundRequest, RefundState
    from domain.reservation import Intent, StockReturn
    from domain.states import RefundStatus
    from infra.temporal.client import NEEDS_ATTENTION, PAYMENT_METHOD, SALE_ID, SKU_ID, USER_ID
    from infra.temporal.queues import refund_queue
    from workflows.deliveries import DecidesDeliveries, Deliveries
    from workflows.details import Details
    from workflows.late_payment import goes_on_as_order, try_to_honour
    from workflows.policies import Step, run_for_minutes, run_rate_limited, run_until_done
    from workflows.updates import DecideRefund, RefundOutcome

# A provider that took the refund on is asked this long after, then twice as long, and so on.
FIRST_LOOK = timedelta(seconds=10)
LAST_LOOK = timedelta(minutes=15)
UNDECIDED = (RefundState.PROCESSING, RefundState.NOT_FOUND)


@workflow.defn
class RefundWorkflow(DecidesDeliveries):
    """One refund of one trade, or one part of it."""

    @workflow.init
    def __init__(self, request: RefundRequest) -> None:
        self._request = request
        self._details = Details(f"{request.amount} {request.currency} back: {request.reason}")
        self._deliveries = Deliveries(request.order_id, self._details)
        self._opened: OpenedRefund | None = None
        self._report: RefundReport | None = None
        self._failed = False
        self._retry: DecideRefund | None = None
        self._by_hand: DecideRefund | None = None

    @workflow.run
    async def run(self, request: RefundRequest) -> RefundOutcome:
        steps = asyncio.create_task(self._live())
        try:
            return await asyncio.shield(steps)
        except asyncio.CancelledError:
            # Being evicted from the worker's cache looks the same, and must not be swallowed.
            if workflow.cancellation_reason() is None:
                raise
            # Half a refund is the worst of all ends; who must stop it can terminate it.
            self._details.add("cancelled in Temporal, which does not stop a refund")
            return await steps

    async def _live(self) -> RefundOutcome:
        if await self._is_honoured():
            outcome = RefundOutcome(refund_id=self._request.refund_id, honoured=True)
        else:
            outcome = await self._give_back()
        # A workflow that ends under an update tells its caller "not found" instead of an answer.
        await workflow.wait_condition(workflow.all_handlers_finished)
        return outcome

    # The steps, in their order.

    async def _is_honoured(self) -> bool:
        """Money that came late buys its order after all, where the sale wants it and can."""
        request = self._request
        if request.reason is not RefundReason.LATE_PAYMENT or request.not_honoured:
            return False
        late = LatePayment(order_id=request.order_id, receipt=request.receipt)
        if not await try_to_honour(late, self._details):
            return False
        # Who asks for the refund meanwhile is answered now and not after the deliveries.
        self._opened = OpenedRefund(refused="the order is paid with this money")
        if (await self._deliveries.carry_out()).open and not await goes_on_as_order(late):
            await self._deliveries.see_through()
        return True

    async def _give_back(self) -> RefundOutcome:
        opened = await run_until_done(RefundActivities.open_refund, self._request, "put on record")
        self._opened = opened
        refund = opened.refund
        if refund is None or opened.intent is None:
            self._details.add(f"nothing goes back: {opened.refused}")
            return RefundOutcome(refund_id=self._request.refund_id, detail=opened.refused)
        self._announce(opened.intent)
        await self._tell_order(refund)
        if not refund.is_over:
            await self._move_money(refund)
        if refund.reason is RefundReason.ORDER:
            # Redis last: a unit must not be sold again before Postgres has it back.
            restock = ReleaseStock(intent=opened.intent, how=StockReturn.RESTOCK)
            await run_until_done(StockActivities.release_stock, restock, "put the stock on sale")
        self._details.add("the money is back")
        await self._tell_buyer(refund)
        return RefundOutcome(refund_id=refund.refund_id, status=RefundStatus.DONE)

    async def _tell_order(self, refund: Refund) -> None:
        """An order that still waits for a delivery need not wait any longer."""
        if refund.reason is RefundReason.ORDER:
            order = workflow.get_external_workflow_handle(workflow_id(refund.order_id))
            # As a rule it has ended long ago.
            with contextlib.suppress(FailureError):
                await order.signal(DecidesDeliveries.refund_begun)

    async def _tell_buyer(self, refund: Refund) -> None:
        about = TellBuyer(order_id=refund.order_id, refund_id=refund.refund_id)
        try:
            await run_for_minutes(RefundMessageActivities.tell_buyer, about, "tell the buyer")
        except ActivityError:
            self._details.add("the buyer could not be told; the order shows it")

    async def _move_money(self, refund: Refund) -> None:
        answer = RefundAnswer(state=RefundState.FAILED, detail="failed before")
        if self._request.by_hand:
            answer = RefundAnswer(state=RefundState.DONE)
            self._by_hand = DecideRefund(actor=self._request.actor, reason=self._request.note)
        elif refund.status is not RefundStatus.FAILED:
            answer = await self._ask(refund)
        while answer.state is not RefundState.DONE:
            if await self._is_settled_by_hand(refund, answer):
                break
            answer = await self._ask(refund)
        hand = self._by_hand
        finish = FinishRefund(
            order_id=refund.order_id,
            refund_id=refund.refund_id,
            receipt=self._request.receipt,
            actor=hand.actor if hand else "",
            reason=hand.reason if hand else "",
        )
        await run_until_done(RefundActivities.finish_refund, finish, "write the refund down")
        self._know(refund, RefundStatus.DONE)

    async def _ask(self, refund: Refund) -> RefundAnswer:
        """Ask, and go on asking, until the provider has done it or never will."""
        answer = await self._call(RefundCallActivities.ask_refund, refund)
        pause = FIRST_LOOK
        while answer.state in UNDECIDED:
            self._details.add(
                f"{refund.method} says {answer.state} {quoted(answer.detail)}".rstrip()
            )
            if await self._provider_says_done(pause):
                return RefundAnswer(state=RefundState.DONE)
            pause = min(2 * pause, LAST_LOOK)
            answer = await self._call(RefundCallActivities.query_refund, refund)
            if answer.state is RefundState.NOT_FOUND:
                answer = await self._call(RefundCallActivities.ask_refund, refund)
            # A provider may take weeks. Not under an update: its caller would get no answer.
            suggested = workflow.info().is_continue_as_new_suggested()
            if suggested and answer.state in UNDECIDED and workflow.all_handlers_finished():
                # A run that asked again whether to honour might hear another answer by now.
                workflow.continue_as_new(self._request.model_copy(update={"not_honoured": True}))
        return answer

    async def _provider_says_done(self, pause: timedelta) -> bool:
        """Wait for a notice, `pause` at most."""
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._report is not None,
                timeout=pause,
                timeout_summary="until the provider is asked again",
            )
        report, self._report = self._report, None
        # A bad one may be old: it only ends the wait, and the provider is asked what is true.
        return report is not None and report.succeeded

    async def _is_settled_by_hand(self, refund: Refund, answer: RefundAnswer) -> bool:
        """Leave the refund to a person. True: the money went back after all, by hand or by the
        provider; False: ask the provider once more."""
        fail = FailRefund(
            order_id=refund.order_id, refund_id=refund.refund_id, detail=answer.detail
        )
        await run_until_done(RefundActivities.fail_refund, fail, "call a person")
        self._know(refund, RefundStatus.FAILED)
        self._details.add(f"{refund.method} will not do it: {quoted(answer.detail)}")
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(True)])
        self._failed = True
        await self._wait_for_decision()
        workflow.upsert_search_attributes([NEEDS_ATTENTION.value_set(False)])
        if self._by_hand or not self._retry:
            return True
        await self._reopen(refund)
        return False

    async def _wait_for_decision(self) -> None:
        """Until a person decides, or the provider says that the money went back after all."""
        await workflow.wait_condition(
            lambda: not self._failed or bool(self._report and self._report.succeeded)
        )
        if self._failed and workflow.patched("good-news-ends-the-wait"):
            self._failed = False
            self._details.add("the provider says that the money went back after all")
        await workflow.wait_condition(lambda: not self._failed)

    async def _reopen(self, refund: Refund) -> None:
        if self._retry:
            reopen = ReopenRefund(
                order_id=refund.order_id,
                refund_id=refund.refund_id,
                actor=self._retry.actor,
                reason=self._retry.reason,
            )
            await run_until_done(RefundActivities.reopen_refund, reopen, "take the refund up again")
        self._know(refund, RefundStatus.REQUESTED)
        self._retry = None

    # What callers may say.

    @workflow.signal(description="A provider says what became of the refund")
    def refund_noticed(self, report: RefundReport) -> None:
        # Notices come in any order; a late bad one must not replace the good one.
        if self._report is None or report.succeeded:
            self._report = report

    @workflow.update
    async def opened(self) -> Refund:
        """The refund as soon as it is on record. Refused when nothing may go back."""
        await workflow.wait_condition(lambda: self._opened is not None)
        return self._known()

    @workflow.update
    async def retry(self, decision: DecideRefund) -> Refund:
        """Ask the provider again, under the same number."""
        self._failed, self._retry = False, decision
        await workflow.wait_condition(lambda: self._retry is not decision)
        return self._known()

    @retry.validator
    def _refuse_retry_unless_failed(self, decision: DecideRefund) -> None:
        self._refuse_unless_failed()

    @workflow.update
    async def resolve_by_hand(self, decision: DecideRefund) -> Refund:
        """The money was given back by other means: write it down."""
        self._failed, self._by_hand = False, decision
        await workflow.wait_condition(lambda: self._is_over)
        return self._known()

    @resolve_by_hand.validator
    def _refuse_resolving_unless_failed(self, decision: DecideRefund) -> None:
        self._refuse_unless_failed()

    # What is known.

    @property
    def _is_over(self) -> bool:
        return bool(self._opened and self._opened.refund and self._opened.refund.is_over)

    def _known(self) -> Refund:
        opened = self._opened or OpenedRefund()
        if opened.refund is None:
            extra = {"order_status": opened.order_status} if opened.order_status else {}
            raise refusal(ErrorCode.INVALID_STATE, opened.refused, **extra)
        return opened.refund

    def _know(self, refund: Refund, status: RefundStatus) -> None:
        if self._opened:
            known = refund.model_copy(update={"status": status})
            self._opened = self._opened.model_copy(update={"refund": known})

    def _refuse_unless_failed(self) -> None:
        if not self._failed:
            raise refusal(ErrorCode.INVALID_STATE, "the refund waits for nobody's decision")

    def _announce(self, intent: Intent) -> None:
        # Not at the start: who starts a refund need not know its sale, the record does.
        workflow.upsert_search_attributes(
            [
                SALE_ID.value_set(intent.sale_id),
                SKU_ID.value_set(intent.sku_id),
                USER_ID.value_set(intent.user_id),
                PAYMENT_METHOD.value_set(self._request.receipt.method),
            ]
        )

    async def _call(self, step: Step[AskRefund, RefundAnswer], refund: Refund) -> RefundAnswer:
        paid = self._request.receipt.amount
        command = AskRefund(order_id=refund.order_id, refund=refund, paid_amount=paid)
        queue = refund_queue(workflow.info().task_queue)
        return await run_rate_limited(step, command, f"{refund.method}: {refund.refund_id}", queue)
