"""Values of the domain as tests need them, and nothing that needs a server."""

import itertools
from datetime import UTC, datetime, timedelta

from domain.ids import new_order_id
from domain.order import Order, OrderDossier
from domain.payment import Payment, PaymentMethod, Receipt, payment_id_for
from domain.refund import Refund, RefundReason
from domain.sale import Item, LatePaymentPolicy, NewItem, NewSale, Sale
from domain.states import OrderStatus, PaymentStatus, RefundStatus, SaleStatus

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PRICE = 8800
POINTS_PRICE = 500
_clock = itertools.count(1_900_000_000_000)


def a_new_sale(*items: NewItem, name: str = "Noon sale") -> NewSale:
    return NewSale(name=name, starts_at=NOON, ends_at=NOON + timedelta(hours=1), items=items)


def a_new_item(sku_id: str = "mug", *, stock: int = 10, per_user_limit: int = 4) -> NewItem:
    return NewItem(
        sku_id=sku_id,
        title="A mug",
        list_price=12_800,
        price=PRICE,
        points_price=POINTS_PRICE,
        stock=stock,
        per_user_limit=per_user_limit,
    )


def an_order(
    item: Item,
    user_id: str = "ada",
    *,
    quantity: int = 1,
    status: OrderStatus = OrderStatus.PENDING_PAYMENT,
) -> Order:
    return Order(
        order_id=new_order_id(item.item_number, next(_clock)),
        sale_id=item.sale_id,
        sku_id=item.sku_id,
        user_id=user_id,
        quantity=quantity,
        amount=item.price * quantity,
        currency=item.currency,
        status=status,
        reason=None,
        created_at=NOON,
        pay_deadline=NOON + timedelta(minutes=30),
    )


def a_payment(
    order: Order, method: PaymentMethod = PaymentMethod.ALIPAY, amount: int | None = None
) -> Payment:
    return Payment(
        payment_id=payment_id_for(order.order_id, method),
        order_id=order.order_id,
        method=method,
        status=PaymentStatus.CREATED,
        amount=order.amount if amount is None else amount,
        currency=order.currency,
        expires_at=NOON + timedelta(minutes=30),
        created_at=NOON,
    )


def a_refund(payment: Payment, *, refund_id: str = "", amount: int | None = None) -> Refund:
    return Refund(
        refund_id=refund_id or f"{payment.payment_id}R",
        order_id=payment.order_id,
        payment_id=payment.payment_id,
        method=payment.method,
        trade_no=f"T{payment.payment_id}",
        amount=payment.amount if amount is None else amount,
        currency=payment.currency,
        reason=RefundReason.ORDER,
        note="changed my mind",
        status=RefundStatus.REQUESTED,
        requested_by="ada",
        requested_at=NOON,
    )


def an_item(sku_id: str = "mug", *, per_user_limit: int = 4) -> Item:
    return Item(
        item_number=7,
        sale_id="noon",
        sku_id=sku_id,
        title="A mug",
        list_price=12_800,
        price=PRICE,
        points_price=POINTS_PRICE,
        currency="CNY",
        per_user_limit=per_user_limit,
        total=10,
        available=10,
        held=0,
        sold=0,
    )


def a_sale(*items: Item, status: SaleStatus = SaleStatus.PUBLISHED) -> Sale:
    """For one hour from noon on."""
    return Sale(
        sale_id="noon",
        name="Noon sale",
        status=status,
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=1),
        pay_window_seconds=1800,
        late_payment=LatePaymentPolicy.REFUND,
        created_at=NOON - timedelta(days=1),
        items=items or (an_item(),),
    )


def paid(payment: Payment) -> Payment:
    return payment.model_copy(
        update={
            "status": PaymentStatus.PAID,
            "trade_no": f"T{payment.payment_id}",
            "paid_at": NOON,
        }
    )


def a_receipt(payment: Payment, *, amount: int | None = None, trade_no: str = "") -> Receipt:
    return Receipt(
        method=payment.method,
        payment_id=payment.payment_id,
        trade_no=trade_no or f"T{payment.payment_id}",
        amount=payment.amount if amount is None else amount,
        paid_at=NOON,
    )


def a_dossier(order: Order, *payments: Payment, refunds: tuple[Refund, ...] = ()) -> OrderDossier:
    return OrderDossier(order=order, payments=payments, refunds=refunds)
