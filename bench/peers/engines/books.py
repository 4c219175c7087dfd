"""A peer's side of Postgres: the same rows for all of them."""

from collections.abc import Sequence
from typing import Any, Self

import asyncpg

from bench.peers.engines import queries
from bench.peers.engines.gate import Intent, Item

CONNECTIONS = 16
# All processes of all peers make the same tables; one at a time.
SCHEMA_LOCK = 4711


class PeerBooks:
    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open_(cls, dsn: str, connections: int = CONNECTIONS) -> Self:
        """Makes the tables, where there are none yet."""
        pool = await asyncpg.create_pool(dsn, min_size=connections, max_size=connections)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
            await connection.execute(queries.SCHEMA)
        return cls(pool)

    async def aclose(self) -> None:
        await self._pool.close()

    async def put_on_sale(self, item: Item, stock: int) -> None:
        await self._pool.execute(queries.PUT_ON_SALE, item.sale_id, item.sku_id, stock)

    async def place(self, intents: Sequence[Intent]) -> None:
        """Raises asyncpg.CheckViolationError when the stock does not suffice; then none is."""
        names = ("order_id", "sale_id", "sku_id", "user_id", "quantity")
        columns = ([getattr(intent, name) for intent in intents] for name in names)
        await self._pool.execute(queries.PLACE, *columns)

    async def settle(self, order_ids: Sequence[str]) -> set[str]:
        """Which of the orders there are, and are paid now, or were before."""
        trade_numbers = [f"t-{order_id}" for order_id in order_ids]
        found = await self._pool.fetch(queries.SETTLE, order_ids, trade_numbers)
        return {row["order_id"] for row in found}

    async def due(self) -> list[Intent]:
        """Orders whose time to pay is over."""
        return [Intent(**row) for row in await self._pool.fetch(queries.DUE)]

    async def release(self, order_id: str) -> None:
        await self._pool.execute(queries.RELEASE, order_id)

    async def progress(self, item: Item) -> tuple[int, int]:
        """How many orders are placed, and how many paid."""
        row = await self._pool.fetchrow(queries.PROGRESS, item.sale_id)
        return row["placed"], row["paid"]

    async def ended_as(self, item: Item) -> dict[str, int]:
        """`payments`, `points`, `messages` in number; units `held` and `sold`."""
        return dict(await self._pool.fetchrow(queries.ENDED_AS, item.sale_id))
