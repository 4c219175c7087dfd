"""What can be done here right now: not who answers, but who would do what is asked of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from redis.asyncio import Redis
from redis.exceptions import RedisError
from temporalio.service import RPCError, RPCStatusCode

from api.schemas.health import DependencyHealth, Readiness
from api.workflow_calls import WorkflowCalls
from infra.postgres.engine import Database
from infra.redis.probe import what_it_refuses, write_something

LOOK_SECONDS = 2.0
# Anybody may ask, so asking often must cost nothing.
REMEMBERED_SECONDS = 1.0


class ReadOnly(Exception):
    """Postgres answers and takes no writes: a standby, or a primary that was told so."""


class ReadinessLook:
    """Looks at the three stores, all at once and at most once a second."""

    def __init__(self, redis: Redis, database: Database, workflows: WorkflowCalls) -> None:
        self._redis = redis
        self._database = database
        self._workflows = workflows
        self._seen: Readiness | None = None
        self._seen_at = 0.0
        self._looking = asyncio.Lock()

    async def look(self) -> Readiness:
        """At most a second old. Orders are accepted with Redis alone, so only Redis decides: a
        load balancer must keep sending buyers while Postgres or Temporal is away."""
        async with self._looking:
            if self._seen is None or time.monotonic() - self._seen_at > REMEMBERED_SECONDS:
                redis, postgres, temporal = await asyncio.gather(
                    _health(partial(write_something, self._redis), needed=True),
                    _health(self._write_in_postgres, needed=False),
                    _health(self._workflows.ping, needed=False),
                )
                stores = {"redis": redis, "postgres": postgres, "temporal": temporal}
                self._seen = Readiness(ok=redis.ok, dependencies=stores)
                self._seen_at = time.monotonic()
            return self._seen

    async def _write_in_postgres(self) -> None:
        if not await self._database.takes_writes():
            raise ReadOnly


async def _health(ask: Callable[[], Awaitable[object]], *, needed: bool) -> DependencyHealth:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await ask()
    except Exception as error:
        return DependencyHealth(ok=False, needed=needed, detail=_in_words(error))
    return DependencyHealth(ok=True, needed=needed, detail="answers")


def _in_words(error: Exception) -> str:
    """The kind of failure, not its text: addresses and names stay inside."""
    if isinstance(error, ReadOnly):
        return "answers, but is read-only"
    if isinstance(error, RedisError) and (refused := what_it_refuses(error)):
        return f"answers, but {refused}"
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        return "answers, but does not know the namespace"
    return f"does not answer: {type(error).__name__}"
