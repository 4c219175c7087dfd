"""Refunds in Postgres, as the refund's workflow sees them: each activity is one transaction, which
begins with the order's row locked."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.bill_attentions import resolve_of_refund
from activities.deliveries import skip_if_given_back
from activities.settlements import record_surplus_money
from domain.actors import provider
from domain.attention import AttentionKind
from domain.model import Value
from domain.notice import LEFT_TO_A_PERSON
from domain.order import EventKind, Order
from domain.payment import FlowKind, Payment, Receipt
from domain.points import award_for
from domain.refund import SURPLUS, Refund, RefundReason, RefundRequest
from domain.refund_rules import REFUNDABLE
from domain.reservation import Intent
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from domain.surplus_money import is_settled
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.entitlements import Entitlements
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows, Payments
from infra.postgres.points import Points
from infra.postgres.refunds import Refunds
from infra.postgres.stock import Stock
from notices.stray_money import tell_of_stranded_money


class OpenedRefund(Value):
    """The refund on record, or why there is none. `intent` names the order's stock."""

    refund: Refund | None = None
    intent: Intent | None = None
    order_status: OrderStatus | None = None
    refused: str = ""


class FailRefund(Value):
    order_id: str
    refund_id: str
    detail: str


class ReopenRefund(Value):
    """An operator wants the provider asked again, under the same number."""

    order_id: str
    refund_id: str
    actor: str
    reason: str


class FinishRefund(Value):
    """The money is back. `actor`, `reason`: the operator who gave it back by hand, and why."""

    order_id: str
    refund_id: str
    receipt: Receipt
    actor: str = ""
    reason: str = ""


class RefundActivities:
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def open_refund(self, request: RefundRequest) -> OpenedRefund:
        """Put the refund on record, or find it there; surplus money is put on record with it."""
        async with self._database.transaction() as connection:
            # Locked, so that refunds of one order come one after another, and none promises money
            # that another has promised. The order before the payment, as everywhere: no deadlock.
            order = await Orders(connection).lock(request.order_id)
            payment = await Payments(connection).lock(request.receipt.payment_id)
            if order is None or payment is None or payment.order_id != order.order_id:
                why = "there is no such payment of this order"
                await _leave_to_a_person(connection, request, why)
                return OpenedRefund(refused=why)
            if standing := await Refunds(connection).get(request.refund_id):
                await _mark_handled(connection, request)
                return _opened(order, standing)
            if request.reason in SURPLUS:
                # Somebody told late of money that by then had paid the order.
                if is_settled(payment, request.receipt):
                    await _mark_handled(connection, request)
                    return _refused(order, "the order was paid with this money")
                # Before it is refused for anything: the money has arrived, whatever becomes of it.
                await record_surplus_money(
                    connection, request.order_id, request.receipt, request.reason
                )
            if why := await _why_not(connection, order, payment, request):
                await _leave_to_a_person(connection, request, why)
                return _refused(order, why)
            return await _open(connection, order, request)

    @activity.defn
    async def fail_refund(self, command: FailRefund) -> None:
        """The provider will not do it: call a person."""
        async with self._database.transaction() as connection:
            orders = Orders(connection)
            await orders.lock(command.order_id)
            refund = await _standing(connection, command.refund_id)
            # A repeat, or a person was faster: one attention is enough.
            if not await _change(connection, refund, RefundStatus.FAILED):
                return
            await orders.record(
                command.order_id, EventKind.REFUND_FAILED, provider(refund.method), command.detail
            )
            await Attentions(connection).raise_(
                AttentionKind.REFUND_FAILED,
                refund.refund_id,
                order_id=refund.order_id,
                what=f"{refund.method} does not give {refund.amount} (minor units) of trade"
                f" {refund.trade_no} back: {command.detail}",
                advice="Put right what the provider names and retry the refund; or give the money"
                " back by hand and resolve the refund.",
            )

    @activity.defn
    async def reopen_refund(self, command: ReopenRefund) -> Refund:
        """failed -> requested, by an operator."""
        async with self._database.transaction() as connection:
            orders = Orders(connection)
            await orders.lock(command.order_id)
            refund = await _standing(connection, command.refund_id)
            if refund.status is RefundStatus.FAILED:
                await _change(connection, refund, RefundStatus.REQUESTED)
                detail = f"{refund.refund_id}: {command.reason}"
                await orders.record(
                    command.order_id, EventKind.REFUND_RETRIED, command.actor, detail
                )
                await _resolve(connection, refund, command.actor, command.reason)
            return await _standing(connection, command.refund_id)

    @activity.defn
    async def finish_refund(self, command: FinishRefund) -> Refund:
        """The money is back: ledger, payment, and for a whole order its status, stock and award."""
        async with self._database.transaction() as connection:
            order = await Orders(connection).lock(command.order_id)
            payment = await Payments(connection).lock(command.receipt.payment_id)
            refund = await _standing(connection, command.refund_id)
            if order is None or payment is None:
                raise LookupError(f"refund {command.refund_id} has lost its order")
            if await _change(connection, refund, RefundStatus.DONE):
                await _write_return(connection, refund, payment, command)
                if refund.reason is RefundReason.ORDER:
                    await _undo_order(connection, order)
                elif refund.reason is RefundReason.PARTIAL:
                    earned = award_for(await Payments(connection).earning(order.order_id))
                    why = "part of its money went back"
                    await Points(connection).take_award_back(
                        order.order_id, order.user_id, why, but_for=earned
                    )
            return await _standing(connection, command.refund_id)


async def _leave_to_a_person(connection: AsyncConnection, request: RefundRequest, why: str) -> None:
    # Who asked for a refund hears the refusal. Surplus money was asked back by nobody, so its
    # refusal would be heard by nobody.
    if request.reason in SURPLUS:
        await tell_of_stranded_money(connection, request.order_id, request.receipt, why)
        # Or it would be told again for ever, and each time start a refund that ends here.
        await _mark_handled(connection, request, LEFT_TO_A_PERSON)


async def _open(connection: AsyncConnection, order: Order, request: RefundRequest) -> OpenedRefund:
    orders = Orders(connection)
    if request.reason is RefundReason.ORDER:
        await orders.change_status(order.order_id, order.status, OrderStatus.REFUNDING)
        # Nothing may be delivered any more of what is being given back.
        await skip_if_given_back(connection, order.order_id)
    refund = Refund(
        refund_id=request.refund_id,
        order_id=request.order_id,
        payment_id=request.receipt.payment_id,
        method=request.receipt.method,
        trade_no=request.receipt.trade_no,
        amount=request.amount,
        currency=request.currency,
        reason=request.reason,
        note=request.note,
        status=RefundStatus.REQUESTED,
        requested_by=request.actor,
        requested_at=datetime.now(UTC),
        request_key=request.request_key,
        by_hand=request.by_hand,
    )
    refund = await Refunds(connection).request(refund)
    detail = f"{refund.amount} ({refund.reason}): {refund.note}"
    await orders.record(order.order_id, EventKind.REFUND_REQUESTED, request.actor, detail)
    return _opened(order, refund)


async def _why_not(
    connection: AsyncConnection, order: Order, payment: Payment, request: RefundRequest
) -> str:
    """Empty when nothing stands against the refund."""
    if request.reason not in SURPLUS:
        if order.status not in REFUNDABLE:
            return f"the order is {order.status}"
        if payment.status is not PaymentStatus.PAID or not is_settled(payment, request.receipt):
            return "the order was not paid with this money"
    # What arrived and not what was asked for; less all that was promised, done or not.
    received, _ = await PaymentFlows(connection).sums_of_payment(payment.payment_id)
    left = received - await Refunds(connection).promised(payment.payment_id)
    return "" if request.amount <= left else f"only {left} is left to give back"


async def _write_return(
    connection: AsyncConnection, refund: Refund, payment: Payment, command: FinishRefund
) -> None:
    flows = PaymentFlows(connection)
    await flows.record(
        refund.order_id,
        refund.payment_id,
        refund.method,
        FlowKind.REFUNDED,
        refund.refund_id,
        refund.amount,
    )
    received, refunded = await flows.sums_of_payment(refund.payment_id)
    # A part that went back leaves the payment as it is: paid.
    if refunded >= received:
        await Payments(connection).change_status(
            payment.payment_id,
            payment.status,
            PaymentStatus.REFUNDED,
            trade_no=refund.trade_no,
            paid_at=command.receipt.paid_at,
        )
    actor = command.actor or provider(refund.method)
    by_hand = f", by hand: {command.reason}" if command.actor else ""
    await Orders(connection).record(
        refund.order_id,
        EventKind.REFUNDED,
        actor,
        f"{refund.amount} as {refund.refund_id}{by_hand}",
    )
    await _resolve(connection, refund, actor, command.reason)
    await resolve_of_refund(connection, refund)


async def _undo_order(connection: AsyncConnection, order: Order) -> None:
    await Orders(connection).change_status(
        order.order_id, OrderStatus.REFUNDING, OrderStatus.REFUNDED
    )
    await Entitlements(connection).revoke(order.order_id)
    why = "the order was refunded"
    await Points(connection).take_award_back(order.order_id, order.user_id, why)
    # Last, because every order of the sale waits for this row's lock.
    await Stock(connection).restock(order)


async def _mark_handled(
    connection: AsyncConnection, request: RefundRequest, as_: str = "duplicate"
) -> None:
    if request.receipt.notice_id:
        await Notices(connection).mark_handled(request.receipt.notice_id, as_)


async def _change(connection: AsyncConnection, refund: Refund, to: RefundStatus) -> bool:
    """False if it is there already, or over."""
    if refund.is_over or refund.status is to:
        return False
    return await Refunds(connection).change_status(refund.refund_id, refund.status, to)


async def _resolve(
    connection: AsyncConnection, refund: Refund, actor: str, resolution: str
) -> None:
    await Attentions(connection).resolve(
        AttentionKind.REFUND_FAILED, refund.refund_id, actor, resolution
    )


async def _standing(connection: AsyncConnection, refund_id: str) -> Refund:
    refund = await Refunds(connection).get(refund_id)
    if refund is None:
        raise LookupError(f"there is no refund {refund_id}")
    return refund


def _opened(order: Order, refund: Refund) -> OpenedRefund:
    return OpenedRefund(refund=refund, intent=order.intent, order_status=order.status)


def _refused(order: Order, why: str) -> OpenedRefund:
    return OpenedRefund(order_status=order.status, refused=why)
