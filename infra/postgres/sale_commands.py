"""Commands to sales as rows: each is carried out once, and answered the same however often."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, insert, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import ErrorCode, Refusal
from domain.sale import ItemRef, Sale
from domain.sale_command import SaleCommand
from domain.states import AT_THE_GATE, ENDED_EARLY
from infra.postgres.queries import happened
from infra.postgres.sales import Sales
from infra.postgres.tables.sale_commands import sale_commands
from infra.postgres.tables.sales import sale_items, sales


class CarriedOut(NamedTuple):
    """`answer`: None where nobody was there to be answered."""

    answer: dict[str, Any] | None


class SaleCommands:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, sale_id: str) -> Sale | None:
        """The sale as it is, and stays until the end of the transaction but for this one."""
        lock = select(sales.c.sale_id).where(sales.c.sale_id == sale_id)
        await self._connection.execute(lock.with_for_update(key_share=True))
        return await Sales(self._connection).get(sale_id)

    async def on_record(self, sale_id: str, command: SaleCommand) -> CarriedOut | None:
        """How its key was carried out before; None if it was not. Raises Refusal
        IDEMPOTENCY_MISMATCH if that was another command."""
        if command.key is None:
            return None
        row = sale_commands.c
        query = select(row.digest, row.answer).where(
            row.sale_id == sale_id, row.actor == command.actor, row.key == command.key
        )
        found = (await self._connection.execute(query)).one_or_none()
        if found is None:
            return None
        if found.digest != command.digest:
            raise Refusal(ErrorCode.IDEMPOTENCY_MISMATCH, "the key was another command to the sale")
        return CarriedOut(found.answer)

    async def put_on_record(
        self, sale_id: str, command: SaleCommand, version: int, answer: dict[str, Any] | None
    ) -> None:
        values = {"sale_id": sale_id, "version": version, "answer": answer, **command.model_dump()}
        await self._connection.execute(insert(sale_commands).values(values))

    async def versions(self) -> dict[str, int]:
        """Of the sales the gate has to follow: until an hour after their end, by which a close has
        reached it or is no news any more."""
        is_over = sales.c.ends_at < func.now() - timedelta(hours=1)
        query = select(sales.c.sale_id, sales.c.version).where(
            sales.c.status.in_(AT_THE_GATE | ENDED_EARLY), not_(is_over)
        )
        return {row.sale_id: row.version for row in await self._connection.execute(query)}

    async def change(self, sale: Sale, **values: Any) -> bool:
        """The sale's next version, with these columns. False if it is not at this one any more."""
        query = (
            update(sales)
            .where(sales.c.sale_id == sale.sale_id, sales.c.version == sale.version)
            .values(version=sales.c.version + 1, **values)
        )
        return await happened(self._connection, query)

    async def change_item(self, item: ItemRef, **values: Any) -> None:
        query = update(sale_items).where(
            sale_items.c.sale_id == item.sale_id, sale_items.c.sku_id == item.sku_id
        )
        await self._connection.execute(query.values(**values))

    async def go_past(self, sale_id: str, version: int) -> bool:
        """Past a version that only the gate knows: the command that brought it there was never
        committed. False where the ledger knows it by now: it waits for whoever is under way."""
        query = (
            update(sales)
            .where(sales.c.sale_id == sale_id, sales.c.version < version)
            .values(version=version + 1)
        )
        return await happened(self._connection, query)
