"""Money that arrives for one order, taken receipt by receipt."""

import contextlib

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.settlements import RecordSurplus, SettlementActivities, SettlePayment
    from domain.payment import PaymentMethod, Receipt
    from domain.refund import RefundReason
    from workflows.details import Story
    from workflows.policies import persistently, promptly
    from workflows.refund import RefundWorkflow


class Till:
    """A receipt counts as taken only after it was settled or recorded, not when it is looked at:
    who waits for `receipts` to be empty waits for that."""

    def __init__(self, order_id: str, story: Story) -> None:
        self._order_id = order_id
        self._story = story
        self._seen_trades: set[str] = set()
        self.receipts: list[Receipt] = []
        self.paid_by: PaymentMethod | None = None

    def notice(self, receipt: Receipt) -> None:
        """Queue a receipt; the same trade told again is no other money."""
        if receipt.trade_no not in self._seen_trades:
            self._seen_trades.add(receipt.trade_no)
            self.receipts.append(receipt)
            self._story.tell(f"{receipt.method} says paid: {receipt.trade_no}")

    async def take_next(self) -> Receipt | None:
        """The receipt, if the order is paid by it; None if it is money the order cannot take."""
        try:
            return await self._take(self.receipts[0])
        finally:
            self.receipts.pop(0)

    async def take_all(self) -> None:
        """Account for what arrives while the order is paid or over."""
        while self.receipts:
            await self.take_next()

    async def _take(self, receipt: Receipt) -> Receipt | None:
        command = SettlePayment(order_id=self._order_id, receipt=receipt)
        settled = await promptly(SettlementActivities.settle_payment, command, "settle payment")
        if settled.surplus is None:
            self.paid_by = receipt.method
            return receipt
        self._story.tell(f"{receipt.method} {receipt.trade_no} is surplus: {settled.surplus}")
        await self._give_back(receipt, settled.surplus)
        return None

    async def _give_back(self, receipt: Receipt, reason: RefundReason) -> None:
        """Start the refund; it outlives this workflow, and needs nothing more of it."""
        surplus = RecordSurplus(order_id=self._order_id, receipt=receipt, reason=reason)
        request = await persistently(
            SettlementActivities.record_surplus, surplus, "record surplus money"
        )
        # Somebody else may have found the same money and started to give it back.
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                RefundWorkflow.run,
                request,
                id=request.workflow_id,
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{reason} of {self._order_id}",
            )
