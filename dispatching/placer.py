"""Places accepted orders in Postgres straight from the stream, ahead of their workflows."""

import asyncio
import itertools
import time
from collections.abc import Collection, Sequence
from enum import Enum, auto

import structlog
from redis.exceptions import RedisError

from dispatching.burial import Burial
from dispatching.patience import (
    ATTEMPTS_PER_LOG,
    backoff,
    keep_on,
    living,
    pause,
    store_is_away,
)
from infra.postgres.flights.placing import MOST, PlacingFlights
from infra.postgres.hot_path import PlacingRefused
from infra.redis.intent_entries import IntentEntry, MalformedIntent
from infra.redis.intent_groups import ALIVE_MS, IntentGroup
from infra.redis.intents import Intents

log = structlog.get_logger()

# While one batch is written, the next ones are read.
BATCHES_IN_HAND = 4
BLOCK_MS = 500
MAX_FAILURES = 5
# Whose life has just ended is found a sixth of a life later.
LOOKS_A_LIFE = 6
LIST_AGAIN_SECONDS = 15.0


class _Fate(Enum):
    """PLACED: by us, by somebody before us, or refused and left to its workflow, which rejects it
    with a trace. LAID_DOWN: buried, or to come again. WAITS for a store."""

    PLACED = auto()
    LAID_DOWN = auto()
    WAITS = auto()


class Placer:
    """While Redis or Postgres is away entries are kept, and nothing counts against them."""

    def __init__(
        self,
        group: IntentGroup,
        intents: Intents,
        flights: PlacingFlights,
        burial: Burial,
        *,
        alive_ms: int = ALIVE_MS,
    ) -> None:
        self._group = group
        self._intents = intents
        self._flights = flights
        self._burial = burial
        self._look_every = alive_ms / 1000 / LOOKS_A_LIFE
        # Set while there is nothing in hand.
        self.at_rest = asyncio.Event()
        self.at_rest.set()
        self._batches: set[asyncio.Task[None]] = set()
        self._look_at = self._list_again_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is in hand is finished. Entries that wait for a store at that
        moment stay pending, for whoever takes them over."""
        async with living(self._group):
            await keep_on(stop, lambda: self._take_batch(stop))
            if self._batches:
                await asyncio.wait(self._batches)

    async def _take_batch(self, stop: asyncio.Event) -> None:
        if len(self._batches) >= BATCHES_IN_HAND:
            await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
        now = time.monotonic()
        if now >= self._list_again_at:
            if lost := await self._intents.list_again():
                log.warning("intents_listed_again", streams=lost)
            self._list_again_at = now + LIST_AGAIN_SECONDS
        orphans: list[IntentEntry] = []
        if now >= self._look_at:
            orphans = await self._group.take_over(MOST)
            if not orphans:
                self._look_at = now + self._look_every
        block_ms = min(BLOCK_MS, int(self._look_every * 1000))
        if entries := orphans or await self._group.read(MOST, block_ms):
            batch = asyncio.create_task(self._see_through(entries, stop))
            self._batches.add(batch)
            self.at_rest.clear()
            batch.add_done_callback(self._landed)

    def _landed(self, batch: asyncio.Task[None]) -> None:
        self._batches.discard(batch)
        if not self._batches:
            self.at_rest.set()
        if not batch.cancelled() and (error := batch.exception()):
            log.error("intents_left_pending", exc_info=error)

    async def _see_through(self, entries: Sequence[IntentEntry], stop: asyncio.Event) -> None:
        """Until none of them waits for a store, or until `stop`."""
        left = list(entries)
        placed: list[IntentEntry] = []
        try:
            for attempt in itertools.count():
                fates = await asyncio.gather(*map(self._place, left))
                placed += _of(_Fate.PLACED, left, fates)
                left = _of(_Fate.WAITS, left, fates)
                placed = await self._finish(placed)
                if stop.is_set() or not (left or placed):
                    return
                if attempt % ATTEMPTS_PER_LOG == 0:
                    log.warning("intents_wait", unplaced=len(left), unfinished=len(placed))
                await pause(stop, backoff(attempt))
        finally:
            self._group.let_go([*left, *placed])

    async def _place(self, entry: IntentEntry) -> _Fate:
        try:
            await self._flights.place(entry.intent())
        except PlacingRefused as refused:
            log.warning("placing_refused", subject=entry.subject, reason=refused.reason)
        except Exception as error:
            if store_is_away(error):
                return _Fate.WAITS
            return await self._lay_down(entry, error)
        return _Fate.PLACED

    async def _lay_down(self, entry: IntentEntry, error: Exception) -> _Fate:
        is_malformed = isinstance(error, MalformedIntent)
        why = str(error) if is_malformed else f"{type(error).__name__}: {error}"
        try:
            if is_malformed or entry.failures + 1 >= MAX_FAILURES:
                await self._burial.bury(entry, why)
                return _Fate.LAID_DOWN
            await self._group.record_failure(entry)
        except Exception as away:
            if not store_is_away(away):
                raise
            return _Fate.WAITS
        failures = entry.failures + 1
        log.error("intent_failed", subject=entry.subject, failures=failures, exc_info=error)
        return _Fate.LAID_DOWN

    async def _finish(self, placed: list[IntentEntry]) -> list[IntentEntry]:
        """What could not be told to Redis, to be told again."""
        if placed:
            try:
                await self._group.finish(placed)
            except RedisError:
                return placed
            log.info("orders_placed", count=len(placed))
        return []


def _of(fate: _Fate, entries: Sequence[IntentEntry], fates: Collection[_Fate]) -> list[IntentEntry]:
    return [entry for entry, its in zip(entries, fates, strict=True) if its is fate]
