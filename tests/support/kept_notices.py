"""Payments that providers write to us about, and what our inbox made of it."""

from datetime import UTC, datetime, timedelta

from domain.attention import AttentionKind
from domain.ids import new_order_id
from domain.notice import Notice, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.order import Order
from domain.payment import Payment, PaymentMethod, payment_id_for
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.attentions import Attentions
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from tests.support.ledger import begin
from tests.support.shop import PRICE, Shop


async def begun(shop: Shop, method: PaymentMethod = PaymentMethod.ALIPAY) -> Payment:
    """A payment of an order whose workflow does not run."""
    now = datetime.now(UTC)
    accepted = new_order_id(shop.item.item_number, int(now.timestamp() * 1000))
    order = Order(
        order_id=accepted,
        sale_id=shop.sale.sale_id,
        sku_id=shop.item.sku_id,
        user_id="ada",
        quantity=1,
        amount=PRICE,
        currency="CNY",
        status=OrderStatus.PENDING_PAYMENT,
        reason=None,
        created_at=now,
        pay_deadline=now + timedelta(minutes=30),
    )
    payment = Payment(
        payment_id=payment_id_for(accepted, method),
        order_id=accepted,
        method=method,
        status=PaymentStatus.CREATED,
        amount=PRICE,
        currency="CNY",
        expires_at=now + timedelta(minutes=30),
        created_at=now,
    )
    async with shop.database.transaction() as connection:
        await Orders(connection).insert(order)
    return await begin(shop.database, payment)


async def kept(shop: Shop) -> list[Notice]:
    async with shop.database.transaction() as connection:
        notices, _ = await Notices(connection).page(None, 100)
    return notices


async def keep_refund_notice(shop: Shop, order_id: str, news: RefundReport) -> Notice:
    told = VerifiedNotice(
        provider_notice_id=news.refund_id,
        kind=NoticeKind.REFUND,
        verdict=Verdict.ACCEPTED,
        payment_id=news.payment_id,
        refund=news,
    )
    async with shop.database.transaction() as connection:
        return await Notices(connection).keep(
            news.refund_id, PaymentMethod.ALIPAY, told, order_id, b"{}", {}
        )


async def attention(shop: Shop) -> list[tuple[AttentionKind, str | None]]:
    async with shop.database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 100)
    return [(row.kind, row.order_id) for row in rows]
