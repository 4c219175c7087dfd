"""How a sale stands in the ledger, added up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sale_report import MoneyOfMethod
from domain.states import OrderStatus
from infra.postgres.sale_money import money_of_sale
from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.orders import orders


class Standing(NamedTuple):
    """So many orders are in a state, the oldest of them since it was placed."""

    orders: int
    oldest: datetime


class OpenAttentions(NamedTuple):
    """`elsewhere`: of no order of this sale."""

    of_sale: int
    elsewhere: int
    oldest: datetime | None


class SaleFigures(NamedTuple):
    standing: Mapping[OrderStatus, Standing]
    refusals: Mapping[str, int]
    money: Sequence[MoneyOfMethod]
    attentions: OpenAttentions


async def sale_figures(connection: AsyncConnection, sale_id: str) -> SaleFigures:
    """Orders in the archive already are not counted, and their money is. Reads each order of the
    sale once, and each of its payments."""
    standing, refusals = await _orders(connection, sale_id)
    return SaleFigures(
        standing,
        refusals,
        await money_of_sale(connection, sale_id),
        await _open_attentions(connection, sale_id),
    )


async def _orders(
    connection: AsyncConnection, sale_id: str
) -> tuple[dict[OrderStatus, Standing], dict[str, int]]:
    order = orders.c
    # Only of a refusal the reason is one of few words.
    reason = case((order.status == OrderStatus.REJECTED, order.reason))
    query = (
        select(order.status, reason, func.count(), func.min(order.created_at))
        .where(order.sale_id == sale_id)
        .group_by(order.status, reason)
    )
    standing: dict[OrderStatus, Standing] = {}
    refusals: dict[str, int] = {}
    for status, why, count, oldest in await connection.execute(query):
        before = standing.get(OrderStatus(status), Standing(0, oldest))
        both = Standing(before.orders + count, min(before.oldest, oldest))
        standing[OrderStatus(status)] = both
        if status == OrderStatus.REJECTED:
            refusals[why or "unknown"] = count
    return standing, refusals


async def _open_attentions(connection: AsyncConnection, sale_id: str) -> OpenAttentions:
    # Of an order that is in no table yet the subject may still begin with the sale.
    of_sale = or_(
        orders.c.sale_id == sale_id,
        attentions.c.subject.startswith(f"{sale_id}:", autoescape=True),
        attentions.c.subject.startswith(f"{sale_id}/", autoescape=True),
    )
    count, ours, oldest = func.count(), func.count().filter(of_sale), attentions.c.raised_at
    query = (
        select(count, ours, func.min(oldest).filter(of_sale))
        .select_from(attentions)
        .outerjoin(orders, orders.c.order_id == attentions.c.order_id)
        .where(attentions.c.resolved_at.is_(None))
    )
    all_, mine, since = (await connection.execute(query)).one()
    return OpenAttentions(mine, all_ - mine, since)
