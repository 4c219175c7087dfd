"""Accepted intents that did not become orders, as they stand on record."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actors import SYSTEM, is_operator
from domain.order import CANCELLED_BY_AN_OPERATOR, EventKind, Order
from domain.reservation import Intent
from domain.states import OrderStatus
from infra.postgres.orders import Orders
from infra.postgres.stock import Stock


async def write_rejection(
    connection: AsyncConnection, intent: Intent, reason: str, actor: str = SYSTEM
) -> None:
    """Leave a trace of an accepted intent that did not become an order; a repeat leaves none."""
    orders = Orders(connection)
    item = await Stock(connection).item(intent.item)
    now = datetime.now(UTC)
    rejected = Order(
        order_id=intent.order_id,
        sale_id=intent.sale_id,
        sku_id=intent.sku_id,
        user_id=intent.user_id,
        quantity=intent.quantity,
        amount=item.price * intent.quantity if item else 0,
        currency=item.currency if item else "CNY",
        status=OrderStatus.REJECTED,
        reason=told_to_buyer(reason, actor),
        created_at=now,
        pay_deadline=None,
        closed_at=now,
    )
    # It may stand already, placed by a try whose answer was lost: then the cancel ends it.
    if await orders.insert(rejected):
        await orders.record(intent.order_id, EventKind.REJECTED, actor, reason)


def told_to_buyer(reason: str, actor: str) -> str:
    """An operator's own words stay in the event, which only operators read."""
    return CANCELLED_BY_AN_OPERATOR if is_operator(actor) else reason
