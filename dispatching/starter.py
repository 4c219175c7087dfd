"""Starts the workflow of each accepted order, as fast as Temporal takes it and no faster."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import structlog
from redis.exceptions import RedisError

from dispatching.patience import (
    ATTEMPTS_PER_LOG,
    backoff,
    keep_on,
    living,
    pause,
    store_is_away,
    temporal_is_away,
)
from domain.reservation import Intent
from infra.redis.intent_entries import IntentEntry, MalformedIntent
from infra.redis.intent_groups import ALIVE_MS, IntentGroup

log = structlog.get_logger()

AT_ONCE = 16
BLOCK_MS = 500
MAX_FAILURES = 5
LOOKS_A_LIFE = 3
# Placing may wait for a store that is away, and starting must not wait for that.
GIVES_WAY_SECONDS = 1.0

Bury: TypeAlias = Callable[[IntentEntry, str], Awaitable[bool]]


class StartsOrders(Protocol):
    async def start_order(self, intent: Intent) -> None:
        """Afterwards the order's workflow runs, or has ended. Raises RPCError or RuntimeError
        while Temporal is away."""


class Pace:
    """How many may be told at once. The first sign of absence stops all telling for a while; then
    one goes ahead, and each that is answered lets one more go, up to `most`: a Temporal that has
    just come back has buyers to serve as well."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = most
        self._absences = 0
        self._resume_at = 0.0

    @property
    def allowed(self) -> int:
        return self._allowed

    @property
    def seconds_to_wait(self) -> float:
        return max(0.0, self._resume_at - time.monotonic())

    def answered(self) -> None:
        if self.seconds_to_wait:
            # Sent before the others were not answered.
            return
        self._allowed = min(self._allowed + 1, self._most)
        self._absences = 0

    def absent(self, error: Exception) -> None:
        # Those that were under way at one moment are one sign.
        if self.seconds_to_wait:
            return
        if self._absences % ATTEMPTS_PER_LOG == 0:
            log.warning("temporal_is_away", error=repr(error)[:200])
        self._resume_at = time.monotonic() + backoff(self._absences)
        self._absences += 1
        self._allowed = 1


class Starter:
    """An entry goes once Temporal has its workflow. While Temporal or Redis is away entries are
    kept, and nothing counts against them. `placed` is set while nobody waits for his order's row:
    else none is started for a while, for buyers wait for the one and nobody for the other."""

    def __init__(
        self,
        group: IntentGroup,
        workflows: StartsOrders,
        bury: Bury,
        placed: asyncio.Event,
        *,
        alive_ms: int = ALIVE_MS,
    ) -> None:
        self._group = group
        self._workflows = workflows
        self._bury = bury
        self._placed = placed
        self._look_every = alive_ms / 1000 / LOOKS_A_LIFE
        self._look_at = 0.0
        self._pace = Pace(AT_ONCE)
        # Taken, and not told yet because Temporal was away.
        self._waiting: deque[IntentEntry] = deque()
        self._telling: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is being told is finished. Entries that wait for Temporal stay
        pending, for whoever takes them over."""
        async with living(self._group):
            await keep_on(stop, lambda: self._tell_more(stop))
            if self._telling:
                await asyncio.wait(self._telling)

    async def _tell_more(self, stop: asyncio.Event) -> None:
        if wait := self._pace.seconds_to_wait:
            await pause(stop, wait)
            return
        free = self._pace.allowed - len(self._telling)
        if free <= 0:
            await asyncio.wait(self._telling, return_when=asyncio.FIRST_COMPLETED)
            return
        if not self._waiting:
            self._waiting += await self._take(free)
        if not self._placed.is_set():
            await pause(self._placed, GIVES_WAY_SECONDS)
        for _ in range(min(free, len(self._waiting))):
            telling = asyncio.create_task(self._tell(self._waiting.popleft()))
            self._telling.add(telling)
            telling.add_done_callback(self._told)

    async def _take(self, count: int) -> list[IntentEntry]:
        if time.monotonic() >= self._look_at:
            if orphans := await self._group.take_over(count):
                return orphans
            self._look_at = time.monotonic() + self._look_every
        return await self._group.read(count, min(BLOCK_MS, int(self._look_every * 1000)))

    def _told(self, telling: asyncio.Task[None]) -> None:
        self._telling.discard(telling)
        if not telling.cancelled() and (error := telling.exception()):
            log.error("intent_left_pending", exc_info=error)

    async def _tell(self, entry: IntentEntry) -> None:
        try:
            await self._workflows.start_order(entry.intent())
        except MalformedIntent:
            # The placer buries it, and it is gone before it comes again.
            self._group.let_go([entry])
        except Exception as error:
            if temporal_is_away(error):
                self._pace.absent(error)
                self._waiting.append(entry)
            else:
                await self._lay_down(entry, error)
        else:
            self._pace.answered()
            await self._finish(entry)

    async def _finish(self, entry: IntentEntry) -> None:
        try:
            await self._group.finish([entry])
        except RedisError as error:
            # It comes again, and finds its workflow started.
            log.warning("intent_not_finished", subject=entry.subject, error=repr(error)[:200])
            self._group.let_go([entry])
        else:
            log.info("order_started", order_id=entry.order_id)

    async def _lay_down(self, entry: IntentEntry, error: Exception) -> None:
        failures = entry.failures + 1
        log.error("intent_failed", subject=entry.subject, failures=failures, exc_info=error)
        try:
            if failures >= MAX_FAILURES:
                if await self._bury(entry, f"{type(error).__name__}: {error}"):
                    return
            else:
                await self._group.record_failure(entry)
        except Exception as away:
            if not store_is_away(away):
                raise
            log.warning("intents_wait", subject=entry.subject, error=repr(away)[:200])
        finally:
            self._group.let_go([entry])
