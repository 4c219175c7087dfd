"""Reports of sales: added up from the ledger, and kept in versions."""

from typing import Any

from sqlalchemy import Select, case, func, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sale import Sale
from domain.sale_report import (
    MOST_NAMED,
    EndVerdict,
    ReportedItem,
    ReportedRoom,
    SaleFigures,
    SaleReport,
    StillOpen,
)
from domain.states import DeliveryStatus, OrderStatus, RefundStatus
from domain.stock import MovementKind
from infra.postgres.sale_money import money_of_sale
from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.deliveries import deliveries
from infra.postgres.tables.ledger_archive import archived_orders
from infra.postgres.tables.orders import orders
from infra.postgres.tables.refunds import refunds
from infra.postgres.tables.rooms import room_tickets
from infra.postgres.tables.sale_ends import sale_reports
from infra.postgres.tables.stock import stock_movements

_NOT_DELIVERED = (DeliveryStatus.PENDING, DeliveryStatus.FAILED)


class SaleReports:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def newest(self, sale_id: str) -> SaleReport | None:
        return await self._one(sale_reports.c.sale_id == sale_id)

    async def version(self, sale_id: str, version: int) -> SaleReport | None:
        return await self._one(sale_reports.c.sale_id == sale_id, sale_reports.c.version == version)

    async def bring_up_to_date(self, sale: Sale, verdict: EndVerdict | None = None) -> SaleReport:
        """The newest version; a new one if the ledger says another thing by now. The first
        `verdict` is that of the sale's end, and stays."""
        last, figures = await self.newest(sale.sale_id), await self._figures(sale)
        if last and last.figures == figures and (last.verdict or verdict is None):
            return last
        row = {
            "sale_id": sale.sale_id,
            "version": last.version + 1 if last else 1,
            "status": sale.status,
            "figures": figures.model_dump(mode="json"),
            "still_open": (await self._still_open(sale.sale_id)).model_dump(mode="json"),
            "verdict": (last and last.verdict and last.verdict.model_dump())
            or (verdict and verdict.model_dump()),
        }
        # Somebody else may write the same version at this moment, of the same ledger.
        await self._connection.execute(insert(sale_reports).values(row).on_conflict_do_nothing())
        kept = await self.newest(sale.sale_id)
        if kept is None:
            raise LookupError(f"the report of sale {sale.sale_id} vanished while it was written")
        return kept

    async def _one(self, *wanted: Any) -> SaleReport | None:
        query = select(sale_reports).where(*wanted).order_by(sale_reports.c.version.desc()).limit(1)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return SaleReport.model_validate(dict(row)) if row else None

    async def _figures(self, sale: Sale) -> SaleFigures:
        counted = await self._orders(sale.sale_id)
        returned: dict[str, int] = {}
        by_status: dict[str, int] = {}
        refusals: dict[str, int] = {}
        for sku_id, status, reason, count, units in counted:
            by_status[status] = by_status.get(status, 0) + count
            if status == OrderStatus.REFUNDED:
                returned[sku_id] = returned.get(sku_id, 0) + units
            if status == OrderStatus.REJECTED:
                refusals[reason or ""] = refusals.get(reason or "", 0) + count
        added = await self._restocked(sale.sale_id)
        return SaleFigures(
            items=tuple(
                ReportedItem(
                    sku_id=item.sku_id,
                    title=item.title,
                    total=item.total,
                    sold=item.sold,
                    unsold=item.available + item.held,
                    returned=returned.get(item.sku_id, 0),
                    restocked=added.get(item.sku_id, 0),
                )
                for item in sale.items
            ),
            money=await money_of_sale(self._connection, sale.sale_id),
            orders=by_status,
            refusals=refusals,
            rooms=await self._rooms(sale.sale_id),
        )

    async def _orders(self, sale_id: str) -> list[tuple[str, str, str | None, int, int]]:
        """By SKU, status and, of what was refused, reason: how many, of how many units."""
        some = union_all(
            *(
                select(table.c.sku_id, table.c.status, table.c.reason, table.c.quantity).where(
                    table.c.sale_id == sale_id
                )
                for table in (orders, archived_orders)
            )
        ).subquery()
        # Of others it may be somebody's own words, each another.
        of_refused = case((some.c.status == OrderStatus.REJECTED, some.c.reason))
        query = select(
            some.c.sku_id,
            some.c.status,
            of_refused,
            func.count(),
            func.sum(some.c.quantity),
        ).group_by(some.c.sku_id, some.c.status, of_refused)
        return [tuple(row) for row in await self._connection.execute(query)]

    async def _restocked(self, sale_id: str) -> dict[str, int]:
        moved = stock_movements.c
        query = (
            select(moved.sku_id, func.sum(moved.quantity))
            .where(moved.sale_id == sale_id, moved.kind == MovementKind.ADDED)
            .group_by(moved.sku_id)
        )
        return {sku_id: int(units) for sku_id, units in await self._connection.execute(query)}

    async def _rooms(self, sale_id: str) -> tuple[ReportedRoom, ...]:
        ticket = room_tickets.c
        query = (
            select(ticket.sku_id, ticket.state, func.count())
            .where(ticket.sale_id == sale_id)
            .group_by(ticket.sku_id, ticket.state)
            .order_by(ticket.sku_id, ticket.state)
        )
        states: dict[str, dict[str, int]] = {}
        for sku_id, state, count in await self._connection.execute(query):
            states.setdefault(sku_id, {})[state] = count
        return tuple(
            ReportedRoom(sku_id=sku_id, tickets=sum(found.values()), states=found)
            for sku_id, found in states.items()
        )

    async def _still_open(self, sale_id: str) -> StillOpen:
        ours = select(orders.c.order_id).where(orders.c.sale_id == sale_id)
        owed = await self._named(
            select(deliveries.c.order_id)
            .where(deliveries.c.order_id.in_(ours), deliveries.c.status.in_(_NOT_DELIVERED))
            .order_by(deliveries.c.order_id)
        )
        going_back = await self._named(
            select(refunds.c.refund_id)
            .where(refunds.c.order_id.in_(ours), refunds.c.status != RefundStatus.DONE)
            .order_by(refunds.c.refund_number)
        )
        for_a_person = await self._named(
            select(attentions.c.attention_id)
            .where(attentions.c.order_id.in_(ours), attentions.c.resolved_at.is_(None))
            .order_by(attentions.c.attention_id)
        )
        return StillOpen(
            deliveries=len(owed),
            refunds=len(going_back),
            attentions=len(for_a_person),
            orders_with_deliveries=tuple(dict.fromkeys(owed))[:MOST_NAMED],
            refund_ids=tuple(going_back)[:MOST_NAMED],
            attention_ids=tuple(for_a_person)[:MOST_NAMED],
        )

    async def _named(self, query: Select[Any]) -> list[Any]:
        return list((await self._connection.execute(query)).scalars())
