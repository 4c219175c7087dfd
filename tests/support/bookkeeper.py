"""What a shop and its provider have on their books of one day, and their comparison."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

from temporalio.client import WorkflowHandle

from domain.attention import Attention, AttentionKind
from domain.bill import BillCheck, BilledRefund, BillLine, start_of
from domain.payment import FlowKind, Payment, PaymentMethod, Receipt
from infra.postgres.attentions import Attentions
from tests.support.ledger import damage, pay, place
from tests.support.shop import Shop
from workflows.bills import BillsOutcome, ReconcileBills, ReconcileBillsWorkflow

DAY = date(2026, 3, 2)
NOON = start_of(DAY) + timedelta(hours=12)


@dataclass
class Bookkeeper:
    shop: Shop

    async def books(self, user_id: str, at: datetime = NOON) -> Payment:
        """An order that is paid in our ledger."""
        order = await place(self.shop.database, self.shop.item, user_id)
        payment = await pay(self.shop.database, order)
        flow = "UPDATE payment_flows SET at = :at WHERE payment_id = :payment_id"
        await damage(self.shop.database, flow, at=at, payment_id=payment.payment_id)
        return payment

    def bills(self, payment: Payment, at: datetime = NOON, amount: int | None = None) -> None:
        """The provider has the payment on its bill."""
        self.shop.alipay.receipts[payment.payment_id] = Receipt(
            method=PaymentMethod.ALIPAY,
            payment_id=payment.payment_id,
            trade_no=f"T{payment.payment_id}",
            amount=payment.amount if amount is None else amount,
            paid_at=at,
        )

    def bills_refund(
        self,
        refund_id: str,
        payment_id: str,
        amount: int,
        state: BilledRefund = BilledRefund.DONE,
    ) -> None:
        line = BillLine(
            kind=FlowKind.REFUNDED,
            payment_id=payment_id,
            trade_no=f"T{payment_id}",
            refund_id=refund_id,
            amount=amount,
            at=NOON,
            refund_state=state,
        )
        self.shop.alipay.other_lines.append(line)

    async def reconciles(self, day: date | None = DAY) -> BillCheck:
        (check,) = (await self.runs(ReconcileBills(day=day, method=PaymentMethod.ALIPAY))).checks
        return check

    async def runs(self, command: ReconcileBills) -> BillsOutcome:
        return await (await self.starts(command)).result()

    async def starts(
        self, command: ReconcileBills
    ) -> WorkflowHandle[ReconcileBillsWorkflow, BillsOutcome]:
        return await self.shop.client.start_workflow(
            ReconcileBillsWorkflow.run,
            command,
            id=f"bills-{uuid4()}",
            task_queue=self.shop.settings.task_queue,
        )

    async def attention(self) -> list[Attention]:
        """What waits for a person because of a bill."""
        async with self.shop.database.transaction() as connection:
            rows, _ = await Attentions(connection).open_(None, 100)
        return [row for row in rows if row.kind is AttentionKind.BILL_MISMATCH]
