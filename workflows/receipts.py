"""Money that arrives for one order, taken receipt by receipt."""

import contextlib
from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.handing_over import HandedOver
    from activities.settlements import RecordSurplus, SettlementActivities, SettlePayment
    from domain.payment import Payment, PaymentMethod, Receipt
    from domain.quoting import quoted
    from domain.refund import RefundReason
    from domain.reservation import Intent
    from workflows.details import Details
    from workflows.policies import run_locally_first, run_until_done
    from workflows.refund import RefundWorkflow


@dataclass(frozen=True)
class Taken:
    """What became of a payment's money: the order is paid by it (`pays`), or it goes back. Then
    `others` are the payments that may still take money."""

    payment_id: str
    pays: bool
    others: tuple[Payment, ...] = ()


class Receipts:
    """Receipts wait until they are taken: settled, or recorded as surplus and given back."""

    def __init__(self, intent: Intent, details: Details) -> None:
        self._intent = intent
        self._order_id = intent.order_id
        self._details = details
        self._seen_trades: set[str] = set()
        self._waiting: list[Receipt] = []
        self.paid_by: PaymentMethod | None = None
        # How far that went together with the settling.
        self.handed_over = HandedOver(sold=False, owed=None)

    @property
    def any_waiting(self) -> bool:
        return bool(self._waiting)

    def add(self, receipt: Receipt) -> None:
        # The same trade told again, by a notice and by our own question, is no other money.
        if receipt.trade_no not in self._seen_trades:
            self._seen_trades.add(receipt.trade_no)
            self._waiting.append(receipt)
            self._details.add(f"{receipt.method} says paid: {quoted(receipt.trade_no)}")

    async def take_next(self) -> Taken:
        """Take the receipt that has waited longest; there must be one."""
        receipt = self._waiting[0]
        try:
            command = SettlePayment(order_id=self._order_id, receipt=receipt, intent=self._intent)
            settled = await run_locally_first(
                SettlementActivities.settle_payment, command, "settle payment, hand over"
            )
            if settled.surplus is None:
                self.paid_by = receipt.method
                self.handed_over = HandedOver(settled.sold, settled.owed)
            else:
                self._details.add(
                    f"{receipt.method} {quoted(receipt.trade_no)} is surplus: {settled.surplus}"
                )
                await self._give_back(receipt, settled.surplus)
        finally:
            # Not before: who waits until none is waiting waits for what became of the money.
            self._waiting.pop(0)
        return Taken(receipt.payment_id, settled.surplus is None, settled.open_payments)

    async def take_all(self) -> None:
        """Account for what arrives while the order is paid or over."""
        while self._waiting:
            await self.take_next()

    async def _give_back(self, receipt: Receipt, reason: RefundReason) -> None:
        surplus = RecordSurplus(order_id=self._order_id, receipt=receipt, reason=reason)
        request = await run_until_done(
            SettlementActivities.record_surplus, surplus, "record surplus money"
        )
        # Somebody else may have found the same money and started to give it back.
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                RefundWorkflow.run,
                request,
                id=request.workflow_id,
                # The refund outlives this workflow, and needs nothing more of it.
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{reason} of {self._order_id}",
            )
