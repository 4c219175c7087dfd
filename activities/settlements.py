"""Money that arrived, written down: each activity is one transaction."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.deliveries import Owed
from activities.handing_over import HandingOver
from domain.actors import provider
from domain.model import Value
from domain.order import EventKind
from domain.payment import FlowKind, Payment, Receipt
from domain.refund import RefundReason, RefundRequest
from domain.reservation import Intent
from domain.states import GIVEN_BACK, OrderStatus, PaymentStatus
from domain.surplus_money import surplus_refund, why_surplus
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows, Payments

RECEIVED: Final = "received"


class SettlePayment(Value):
    """`intent`: hand the order over as well, once it is paid; the release before this one asked
    for that step by step."""

    order_id: str
    receipt: Receipt
    intent: Intent | None = None


class Settled(Value):
    """`surplus` is None when the order is paid by this receipt, else why it must go back. `status`
    is what the order has come to where the money was taken before its workflow heard of it, and
    `open_payments` what was begun besides. `sold` and `owed` are how far it has been handed over,
    as HandedOver has them."""

    surplus: RefundReason | None = None
    status: OrderStatus | None = None
    open_payments: tuple[Payment, ...] = ()
    sold: bool = False
    owed: Owed | None = None


class RecordSurplus(Value):
    order_id: str
    receipt: Receipt
    reason: RefundReason


class SettlementActivities:
    def __init__(self, database: Database, handing_over: HandingOver | None = None) -> None:
        self._database = database
        self._handing_over = handing_over

    @activity.defn
    async def settle_payment(self, command: SettlePayment) -> Settled:
        """Payment, order, stock and ledger in one step, and what follows as far as it can be done
        at once; a repeat answers as the first did."""
        settled = await self._settle(command)
        intent, is_paid = command.intent, settled.surplus is None
        if intent is None or self._handing_over is None or not is_paid:
            return settled
        if settled.status in GIVEN_BACK:
            # Its stock is the refund's by now, and nothing of it is owed any more.
            return settled.model_copy(
                update={"sold": True, "owed": Owed(order_status=settled.status)}
            )
        done = await self._handing_over.try_to(intent)
        return settled.model_copy(update={"sold": done.sold, "owed": done.owed})

    async def _settle(self, command: SettlePayment) -> Settled:
        id_ = command.order_id
        while True:
            async with self._database.driver() as driver:
                hot_path = HotPath(driver)
                # First, for as a rule the inbox has settled it by now.
                if status := await hot_path.hear(id_, command.receipt):
                    return Settled(status=status, open_payments=await hot_path.open_payments(id_))
                if await hot_path.settle(id_, command.receipt):
                    return Settled(open_payments=await hot_path.open_payments(id_))
            # The one query does not say why it did nothing, so that is read afterwards; what
            # was changed in between may allow it after all.
            async with self._database.transaction() as connection:
                why_not = await _why_not(connection, command.order_id, command.receipt)
            if why_not is not None:
                return why_not

    @activity.defn
    async def record_surplus(self, command: RecordSurplus) -> RefundRequest:
        """Keep account of money the order cannot take. Answers what has to go back."""
        receipt = command.receipt
        async with self._database.transaction() as connection:
            # The order before the payment, as everywhere: no deadlock.
            await Orders(connection).lock(command.order_id)
            if await record_surplus_money(connection, command.order_id, receipt, command.reason):
                await Orders(connection).record(
                    command.order_id,
                    EventKind.SURPLUS_MONEY,
                    provider(receipt.method),
                    command.reason,
                )
            payment = await Payments(connection).get(receipt.payment_id)
        currency = payment.currency if payment else "CNY"
        return surplus_refund(command.order_id, receipt, command.reason, currency)


async def _why_not(connection: AsyncConnection, order_id: str, receipt: Receipt) -> Settled | None:
    """None when the order can take the money after all: it changed between writing and reading."""
    order = await Orders(connection).get(order_id)
    payment = await Payments(connection).get(receipt.payment_id)
    if order is None or payment is None:
        return Settled(surplus=RefundReason.LATE_PAYMENT)
    surplus = why_surplus(order, payment, receipt)
    # No surplus and not waiting: this money has paid the order already, and this is a repeat.
    if surplus or order.status is not OrderStatus.PENDING_PAYMENT:
        return Settled(surplus=surplus)
    return None


async def record_money(connection: AsyncConnection, order_id: str, receipt: Receipt) -> bool:
    """The money on the ledger, its notice handled; False if it was there before."""
    is_new = await PaymentFlows(connection).record(
        order_id,
        receipt.payment_id,
        receipt.method,
        FlowKind.RECEIVED,
        receipt.trade_no,
        receipt.amount,
    )
    # In the same transaction, or a crash between them would have the notice relayed for ever.
    if receipt.notice_id:
        await Notices(connection).mark_handled(receipt.notice_id, RECEIVED)
    return is_new


async def record_surplus_money(
    connection: AsyncConnection, order_id: str, receipt: Receipt, reason: RefundReason
) -> bool:
    """The same for money that has to go back; a payment that took another amount says so. The
    caller has locked the order."""
    is_new = await record_money(connection, order_id, receipt)
    if reason is RefundReason.WRONG_AMOUNT:
        mismatched = await Payments(connection).change_status(
            receipt.payment_id,
            PaymentStatus.CREATED,
            PaymentStatus.MISMATCHED,
            trade_no=receipt.trade_no,
            paid_at=receipt.paid_at,
        )
        if mismatched:
            await Orders(connection).show_change(order_id)
    return is_new
