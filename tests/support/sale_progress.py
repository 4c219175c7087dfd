"""How far the orders of a sale are, read from the stores of a running stack: to find the moment
when orders are in every stage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import asyncpg
from redis.asyncio import Redis

from domain.model import Value
from domain.sale import ItemRef
from infra.redis.keys import ItemKeys

MIDDLE_WITHIN_SECONDS = 90.0
POLL_SECONDS = 0.01
PAID_IN_THE_MIDDLE = 3

# Sale ids sort by time. When a rush begins this still is the one before, where all is at rest.
_NEWEST_ITEM = "SELECT sale_id, sku_id FROM sale_items ORDER BY sale_id DESC LIMIT 1"
_COUNTS = """
SELECT count(*) AS placed,
       count(*) FILTER (WHERE status = 'pending_payment') AS unpaid,
       count(*) FILTER (WHERE status IN ('paid', 'fulfilled')) AS paid
FROM orders WHERE sale_id = $1
"""


class Progress(Value):
    """How far the orders of a sale were: accepted by the gate, of these `queued` for their workflow
    and written in Postgres, and of those unpaid and paid."""

    accepted: int
    queued: int
    placed: int
    unpaid: int
    paid: int

    def __str__(self) -> str:
        return (
            f"{self.accepted} accepted, {self.queued} queued, {self.placed} placed,"
            f" {self.paid} paid"
        )

    def is_middle(self, units: int, *, starting: bool) -> bool:
        many = 3 * self.accepted > units
        if starting:
            return many and 0 < self.queued < self.accepted
        return many and self.unpaid > 0 and self.paid >= PAID_IN_THE_MIDDLE


class SaleWatch:
    """Watches the newest sale, or the one that is just being created."""

    def __init__(self, postgres: "asyncpg.Connection[Any]", redis: Redis) -> None:
        self._postgres = postgres
        self._redis = redis

    @classmethod
    @asynccontextmanager
    async def on(cls, stack: dict[str, Any]) -> AsyncIterator[Self]:
        postgres = await asyncpg.connect(stack["postgres_dsn"], timeout=10)
        try:
            async with Redis.from_url(stack["redis_url"], decode_responses=True) as redis:
                yield cls(postgres, redis)
        finally:
            # Its server may be the one that was killed.
            postgres.terminate()

    async def until_in_the_middle(self, units: int, *, starting: bool) -> Progress:
        """Return once some orders are paid and others wait to be; or, with `starting`, once some
        have their workflow and others wait for it."""
        async with asyncio.timeout(MIDDLE_WITHIN_SECONDS):
            while True:
                seen = await self.now()
                if seen and seen.is_middle(units, starting=starting):
                    return seen
                await asyncio.sleep(POLL_SECONDS)

    async def all_placed(self) -> bool:
        """Whether each order that the gate accepted so far is in Postgres."""
        seen = await self.now()
        return seen is not None and seen.placed >= seen.accepted

    async def over(self) -> int:
        """Orders that nobody waits for any more: paid, or ended."""
        seen = await self.now()
        return seen.placed - seen.unpaid if seen else 0

    async def now(self) -> Progress | None:
        newest = await self._postgres.fetchrow(_NEWEST_ITEM)
        if newest is None:
            return None
        item = ItemRef.model_validate(dict(newest))
        keys = ItemKeys.of(item)
        accepted = await self._redis.hlen(keys.reservations)
        queued = await self._redis.xlen(keys.intents)
        counts = await self._postgres.fetchrow(_COUNTS, item.sale_id)
        return Progress(accepted=accepted, queued=queued, **dict(counts or {}))
