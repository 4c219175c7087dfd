"""The ceiling of placing and of settling: rows that are written by the hundred, and one counter.

This is what Postgres does when nobody asks for more: no limit of a buyer, no record of what
happened, no check of a status.
"""

import secrets
from typing import Any

BATCH = 500

_TABLES = """
CREATE TABLE IF NOT EXISTS bench_orders (order_id text PRIMARY KEY, user_id text NOT NULL,
    amount bigint NOT NULL, status text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS bench_items (item_id int PRIMARY KEY, held bigint NOT NULL);
INSERT INTO bench_items VALUES (1, 0) ON CONFLICT DO NOTHING
"""
_BATCH = """
WITH placed AS (
    INSERT INTO bench_orders (order_id, user_id, amount, status)
    SELECT order_id, order_id, 9900, 'pending_payment' FROM unnest($1::text[]) AS order_id
    RETURNING 1
)
UPDATE bench_items SET held = held + (SELECT count(*) FROM placed) WHERE item_id = 1
"""


class PlainLedger:
    def __init__(self, database: Any) -> None:
        """`database`: a connection of asyncpg."""
        self._database = database

    async def open_(self) -> None:
        await self._database.execute(_TABLES)

    async def write(self, batches: int) -> None:
        """Each batch is one statement and one commit."""
        for _ in range(batches):
            await self._database.execute(_BATCH, [secrets.token_hex(13) for _ in range(BATCH)])

    async def written(self) -> int:
        return int(await self._database.fetchval("SELECT held FROM bench_items"))
