"""How a sale comes to its end: closed and settled, each by compare-and-set."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sale import PRACTICE_SALE_ID
from domain.states import AT_THE_GATE, UNFINISHED, SaleStatus
from infra.postgres.queries import happened
from infra.postgres.sale_commands import SaleCommands
from infra.postgres.tables.orders import orders
from infra.postgres.tables.sale_ends import sale_cancellations, sale_reports
from infra.postgres.tables.sales import sales


class Unfinished(NamedTuple):
    """Orders that are not decided yet, and until when the last of them may be paid."""

    orders: int
    until: datetime | None


class Unsettled(NamedTuple):
    """A sale that somebody must see to its end. `is_news`: it was cancelled, and its workflow may
    not have heard of that."""

    sale_id: str
    is_news: bool


class SaleEnds:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def close(self, sale_id: str, ends_at: datetime) -> bool:
        """From then on its window is fixed. False if it is not at the gate (any more), or has
        another end than this one."""
        commands = SaleCommands(self._connection)
        sale = await commands.lock(sale_id)
        # Not by the status alone: of a change of the window and the close of one moment, one finds
        # what it expects, and the other learns that it came second.
        if sale is None or sale.status not in AT_THE_GATE or sale.ends_at != ends_at:
            return False
        return await commands.change(sale, status=SaleStatus.CLOSED)

    async def settle(self, sale_id: str) -> bool:
        """False while an order of it is not decided, or if it is not closed (any more)."""
        nothing_open = and_(
            sales.c.status == SaleStatus.CLOSED,
            ~exists().where(orders.c.sale_id == sale_id, orders.c.status.in_(UNFINISHED)),
        )
        query = update(sales).where(sales.c.sale_id == sale_id, nothing_open)
        return await happened(self._connection, query.values(status=SaleStatus.SETTLED))

    async def hold_uncancelled(self, sale_id: str) -> bool:
        """False for a cancelled sale; else nobody cancels it until this transaction ends."""
        query = select(sales.c.status).where(sales.c.sale_id == sale_id)
        status = await self._connection.scalar(query.with_for_update(read=True))
        return status not in (None, SaleStatus.CANCELLED)

    async def unfinished(self, sale_id: str) -> Unfinished:
        query = select(func.count(), func.max(orders.c.pay_deadline)).where(
            orders.c.sale_id == sale_id, orders.c.status.in_(UNFINISHED)
        )
        return Unfinished(*(await self._connection.execute(query)).one())

    async def unsettled(self, after: str, limit: int) -> list[Unsettled]:
        """Sales that are published and have no report yet, in the order of their ids."""
        is_news = and_(
            sales.c.status == SaleStatus.CANCELLED, sale_cancellations.c.begun_at.is_(None)
        )
        query = (
            select(sales.c.sale_id, func.coalesce(is_news, False))
            .outerjoin(sale_cancellations, sale_cancellations.c.sale_id == sales.c.sale_id)
            .where(
                sales.c.sale_id > after,
                # Nothing of the practice sale is ever shown or reported.
                sales.c.sale_id != PRACTICE_SALE_ID,
                sales.c.status != SaleStatus.DRAFT,
                ~exists().where(sale_reports.c.sale_id == sales.c.sale_id),
            )
            .order_by(sales.c.sale_id)
            .limit(limit)
        )
        return [Unsettled(*row) for row in await self._connection.execute(query)]
