"""How far the orders of a stack are, over all its sales: to find a moment when orders are in every
stage, and to see that they go on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import asyncpg
from redis.asyncio import Redis

from domain.model import Value
from infra.redis.keys import DIRECTORY, ItemKeys, item_from_line
from infra.redis.live_streams import LiveStreams
from tests.support.polling import PATIENCE_SECONDS, until

POLL_SECONDS = 0.01
PAID_IN_THE_MIDDLE = 3
_COUNTS = """
SELECT count(*) AS placed,
       count(*) FILTER (WHERE status = 'pending_payment') AS unpaid,
       count(*) FILTER (WHERE status IN ('paid', 'fulfilled')) AS paid
FROM orders
"""


class Progress(Value):
    """Accepted by the gate, of these `queued` for their workflow and `placed` in Postgres, and of
    those unpaid and paid."""

    accepted: int
    queued: int
    placed: int
    unpaid: int
    paid: int

    @property
    def over(self) -> int:
        """Orders that nobody waits for any more: paid, or ended."""
        return self.placed - self.unpaid


class OrderWatch:
    """Not for the moments at which a store is away."""

    def __init__(self, postgres: "asyncpg.Connection[Any]", redis: Redis) -> None:
        self._postgres = postgres
        self._redis = redis

    @classmethod
    @asynccontextmanager
    async def on(cls, postgres_dsn: str, redis_url: str) -> AsyncIterator[Self]:
        postgres = await asyncpg.connect(postgres_dsn, timeout=PATIENCE_SECONDS, ssl=False)
        try:
            async with Redis.from_url(redis_url, decode_responses=True) as redis:
                yield cls(postgres, redis)
        finally:
            # Its server may have been killed meanwhile.
            postgres.terminate()

    async def now(self) -> Progress:
        lines = await self._redis.hvals(DIRECTORY)
        items = [ItemKeys.of(item_from_line(str(line))) for line in lines]
        accepted = [await self._redis.hlen(keys.reservations) for keys in items]
        queued = await LiveStreams.of(self._redis).entries()
        counts = await self._postgres.fetchrow(_COUNTS)
        return Progress(accepted=sum(accepted), queued=queued, **dict(counts or {}))

    async def until_some_wait(self) -> Progress:
        """Some orders have their workflow, and others wait for it."""

        async def seen() -> Progress | None:
            now = await self.now()
            return now if 0 < now.queued < now.accepted else None

        return await self._until(seen, "orders that wait for their workflow")

    async def until_some_pay(self) -> Progress:
        """Some orders are paid, and others wait to be."""

        async def seen() -> Progress | None:
            now = await self.now()
            return now if now.unpaid > 0 and now.paid >= PAID_IN_THE_MIDDLE else None

        return await self._until(seen, "orders that are paid beside others that are not")

    async def until_more(self, than: Progress, **more: int) -> Progress:
        """Each count named has grown by so many since then."""

        async def seen() -> Progress | None:
            now = await self.now()
            grown = all(getattr(now, name) >= getattr(than, name) + by for name, by in more.items())
            return now if grown else None

        return await self._until(seen, f"{more} more than {than}")

    async def until_placed(self, accepted: int) -> Progress:
        async def seen() -> Progress | None:
            now = await self.now()
            return now if now.placed >= accepted else None

        return await self._until(seen, f"{accepted} orders in Postgres")

    @staticmethod
    async def _until(seen: Any, what: str) -> Progress:
        found = await until(seen, what, every=POLL_SECONDS)
        assert isinstance(found, Progress)
        return found
