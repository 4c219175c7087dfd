"""When the system has come to rest after a fault, by what its own stores say.

At rest: every process answers; and nothing that was due when the fault ended still waits. That is
no accepted intent (`queued`), no order whose time to pay was over (`overdue`), no delivery, no
notice that nobody has acted on, no refund. The crowd goes on meanwhile: what it does later says
nothing of the fault.
"""

import asyncio
import time
from typing import Any, NamedTuple, Protocol, Self

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.redis.live_streams import LiveStreams

LOOK_SECONDS = 0.2
ANSWER_SECONDS = 5.0
# $1: when the fault ended. Both clocks are this machine's.
_WAITING = """
SELECT 'overdue', count(*) FROM orders
WHERE status = 'pending_payment' AND pay_deadline < to_timestamp($1)
UNION ALL
SELECT 'deliveries', count(*) FROM deliveries
WHERE status = 'pending' AND created_at < to_timestamp($1)
UNION ALL
SELECT 'notices', count(*) FROM payment_notices
WHERE verdict IN ('accepted', 'wrong_amount') AND handled_at IS NULL
AND received_at < to_timestamp($1)
UNION ALL
SELECT 'refunds', count(*) FROM refunds
WHERE status IN ('requested', 'accepted') AND requested_at < to_timestamp($1)
"""


_ORDERS = "SELECT count(*) FROM orders"


class Watched(Protocol):
    """A stack whose parts can be asked past whatever strikes it."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def address(self, name: str) -> str: ...

    async def answers(self, name: str) -> bool: ...


class Rested(NamedTuple):
    """`seconds` it took, what came to rest `last`, and what had not when the time was up."""

    seconds: float
    last: tuple[str, ...]
    unrest: tuple[str, ...]


class Rest:
    """Asks the servers past their links. What cannot be asked is not at rest."""

    def __init__(self, stack: Watched) -> None:
        self._stack = stack
        self._redis = Redis.from_url(
            stack.address("redis"), decode_responses=True, socket_timeout=ANSWER_SECONDS
        )
        self._streams = LiveStreams.of(self._redis)
        self._postgres: asyncpg.Connection[Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()
        self._forget_postgres()

    async def until(self, since: float, within_seconds: float) -> Rested:
        """Returns once all is at rest that was due at `since` (epoch), or when the time is up."""
        give_up_at, last = since + within_seconds, list[str]()
        silent = set(self._stack.names)
        while True:
            unrest = await self._unrest(since, silent)
            now = time.time()
            if not unrest or now > give_up_at:
                return Rested(now - since, tuple(last), tuple(unrest))
            last = unrest
            await asyncio.sleep(LOOK_SECONDS)

    async def _unrest(self, since: float, silent: set[str]) -> list[str]:
        """What is not at rest, in words. Who has answered once is `silent` no more: asking all of
        them again and again would be a load of its own."""
        names = sorted(silent)
        answers = await asyncio.gather(*(self._answers(name) for name in names))
        silent -= {name for name, well in zip(names, answers, strict=True) if well}
        if silent:
            # Of a part that is away nothing more can be learnt.
            return [f"{name} does not answer" for name in sorted(silent)]
        return [*await self._queued(since), *await self._waiting(since)]

    async def _answers(self, name: str) -> bool:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._stack.answers(name)
        except TimeoutError:
            return False

    async def _queued(self, since: float) -> list[str]:
        try:
            oldest = await self._streams.oldest_ms()
        except (RedisError, OSError) as error:
            return [f"redis: {error!r}"]
        return ["queued"] if oldest is not None and oldest < since * 1000 else []

    async def _waiting(self, since: float) -> list[str]:
        rows = await self._ask(_WAITING, since)
        if isinstance(rows, str):
            return [rows]
        return [f"{count} {what}" for what, count in rows if count]

    async def orders(self) -> int:
        """How many there are; 0 as long as Postgres does not answer."""
        rows = await self._ask(_ORDERS)
        return int(rows[0][0]) if isinstance(rows, list) else 0

    async def _ask(self, query: str, *values: object) -> list[Any] | str:
        """The rows, or why there are none."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._postgres is None:
                    address = self._stack.address("postgres")
                    self._postgres = await asyncpg.connect(address, ssl=False)
                return list(await self._postgres.fetch(query, *values))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._forget_postgres()
            return f"postgres: {error!r}"

    def _forget_postgres(self) -> None:
        if self._postgres is not None:
            self._postgres.terminate()
            self._postgres = None
