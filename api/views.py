"""From the domain to what callers see."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from api.operator_schemas import (
    ActorTimelineEntry,
    AttentionView,
    AuditView,
    CheckView,
    NoticeView,
    OperatorItemView,
    OperatorOrderView,
    OperatorSaleView,
)
from api.schemas import (
    DeliveryView,
    ItemView,
    OrderSummary,
    OrderView,
    PaymentSummary,
    PaymentView,
    RefundSummary,
    SaleView,
    TimelineEntry,
)
from domain.attention import Attention
from domain.audit import AuditReport
from domain.notice import Notice
from domain.order import Order, OrderDossier
from domain.payment import Payment
from domain.reservation import Reservation
from domain.sale import Item, Sale
from domain.states import OrderStatus, PaymentStatus

# A payment that once was paid tells more than one begun later and never used.
_WAS_PAID = frozenset({PaymentStatus.PAID, PaymentStatus.REFUNDED, PaymentStatus.MISMATCHED})


def sale_view(sale: Sale, remaining: Mapping[str, int], now: datetime) -> SaleView:
    return SaleView(
        sale_id=sale.sale_id,
        name=sale.name,
        status=sale.status_at(now),
        starts_at=sale.starts_at,
        ends_at=sale.ends_at,
        server_time=now,
        requires_entry_token=sale.requires_entry_token,
        items=[
            ItemView(**_item_fields(item), remaining=remaining[item.sku_id]) for item in sale.items
        ],
    )


def operator_sale_view(sale: Sale, remaining: Mapping[str, int], now: datetime) -> OperatorSaleView:
    return OperatorSaleView(
        sale_id=sale.sale_id,
        name=sale.name,
        status=sale.status_at(now),
        starts_at=sale.starts_at,
        ends_at=sale.ends_at,
        server_time=now,
        created_at=sale.created_at,
        pay_window_seconds=sale.pay_window_seconds,
        requires_entry_token=sale.requires_entry_token,
        late_payment=sale.late_payment,
        items=[
            OperatorItemView(
                **_item_fields(item),
                remaining=remaining[item.sku_id],
                item_number=item.item_number,
                stock=item.total,
                available=item.available,
                held=item.held,
                sold=item.sold,
            )
            for item in sale.items
        ],
    )


_ITEM_FIELDS = {
    "sku_id",
    "title",
    "list_price",
    "price",
    "points_price",
    "currency",
    "per_user_limit",
}


def _item_fields(item: Item) -> dict[str, object]:
    return item.model_dump(include=_ITEM_FIELDS)


def order_summary(order: Order) -> OrderSummary:
    return OrderSummary.model_validate(order.model_dump())


def order_view(dossier: OrderDossier) -> OrderView:
    return OrderView(
        **dossier.order.model_dump(exclude={"closed_at"}),
        payment=_shown_payment(dossier.payments),
        refunds=_refunds(dossier),
        deliveries=_deliveries(dossier),
        timeline=[
            TimelineEntry(at=event.at, event=event.event, detail=event.detail)
            for event in dossier.events
        ],
    )


def operator_order_view(dossier: OrderDossier) -> OperatorOrderView:
    return OperatorOrderView(
        **dossier.order.model_dump(exclude={"closed_at"}),
        payment=_shown_payment(dossier.payments),
        payments=[payment_summary(payment) for payment in dossier.payments],
        refunds=_refunds(dossier),
        deliveries=_deliveries(dossier),
        timeline=[ActorTimelineEntry(**event.model_dump()) for event in dossier.events],
    )


def queued_view(
    reservation: Reservation, sale_id: str, sku_id: str, item: Item | None
) -> OrderView:
    """An accepted order that Postgres does not know yet."""
    accepted_at = datetime.fromtimestamp(reservation.reserved_at_ms / 1000, UTC)
    return OrderView(
        order_id=reservation.order_id,
        status=OrderStatus.QUEUED,
        reason=None,
        sale_id=sale_id,
        sku_id=sku_id,
        user_id=reservation.user_id,
        quantity=reservation.quantity,
        amount=item.price * reservation.quantity if item else None,
        currency=item.currency if item else None,
        created_at=accepted_at,
        pay_deadline=None,
        payment=None,
        refunds=[],
        deliveries=[],
        timeline=[TimelineEntry(at=accepted_at, event="accepted", detail="")],
    )


def payment_view(payment: Payment) -> PaymentView:
    return PaymentView(
        payment_id=payment.payment_id,
        method=payment.method,
        status=payment.status,
        out_trade_no=payment.payment_id,
        expires_at=payment.expires_at,
        action=payment.action,
    )


def payment_summary(payment: Payment) -> PaymentSummary:
    return PaymentSummary(
        payment_id=payment.payment_id,
        method=payment.method,
        status=payment.status,
        out_trade_no=payment.payment_id,
        trade_no=payment.trade_no,
        amount=payment.amount,
        paid_at=payment.paid_at,
    )


def _shown_payment(payments: Sequence[Payment]) -> PaymentSummary | None:
    if not payments:
        return None
    shown = max(payments, key=lambda p: (p.status in _WAS_PAID, p.created_at))
    return payment_summary(shown)


def _refunds(dossier: OrderDossier) -> list[RefundSummary]:
    return [
        RefundSummary(
            refund_id=refund.refund_id,
            status=refund.status,
            amount=refund.amount,
            reason=refund.reason,
        )
        for refund in dossier.refunds
    ]


def _deliveries(dossier: OrderDossier) -> list[DeliveryView]:
    return [
        DeliveryView(**delivery.model_dump(exclude={"order_id"})) for delivery in dossier.deliveries
    ]


def attention_view(attention: Attention) -> AttentionView:
    return AttentionView.model_validate(attention.model_dump())


def notice_view(notice: Notice) -> NoticeView:
    receipt = notice.receipt
    return NoticeView(
        **notice.model_dump(exclude={"receipt"}),
        trade_no=receipt.trade_no if receipt else None,
        amount=receipt.amount if receipt else None,
    )


def audit_view(report: AuditReport) -> AuditView:
    return AuditView(
        audit_id=report.audit_id,
        ok=report.ok,
        started_at=report.started_at,
        finished_at=report.finished_at,
        checks=[
            CheckView(code=c.code, ok=c.ok, detail=c.detail, orders=list(c.orders))
            for c in report.checks
        ],
    )
