"""Repairs on record: begun, and how each ended."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actors import SYSTEM
from domain.repair import NewRepair, Repair
from infra.postgres.queries import fetch_page
from infra.postgres.tables.repairs import repairs
from infra.readable import all_readable


class Repairs:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(self, begun: Sequence[NewRepair]) -> list[int]:
        """Their ids, in the order given. To be committed before anything is changed."""
        if not begun:
            return []
        rows = [{**one.model_dump(), "actor": SYSTEM} for one in begun]
        query = insert(repairs).returning(repairs.c.repair_id, sort_by_parameter_order=True)
        return list((await self._connection.execute(query, rows)).scalars())

    async def conclude(self, outcomes: Mapping[int, str]) -> None:
        if outcomes:
            query = (
                update(repairs)
                .where(repairs.c.repair_id == bindparam("number"))
                .values(outcome=bindparam("ended"))
            )
            rows = [{"number": number, "ended": ended} for number, ended in outcomes.items()]
            await self._connection.execute(query, rows)

    async def page(
        self,
        cursor: str | None,
        limit: int,
        *,
        sale_id: str | None = None,
        order_id: str | None = None,
    ) -> tuple[list[Repair], str | None]:
        """Newest first."""
        query = select(repairs)
        if sale_id is not None:
            query = query.where(repairs.c.sale_id == sale_id)
        if order_id is not None:
            query = query.where(repairs.c.order_id == order_id)
        key = repairs.c.repair_id
        rows, after = await fetch_page(self._connection, query, key, cursor, limit)
        return all_readable(rows, Repair.model_validate), after
