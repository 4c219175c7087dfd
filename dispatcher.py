"""From an intent in Redis to a running order workflow, however often either side goes away."""

import asyncio
import itertools
import os
import random
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError, RPCStatusCode

from domain.attention import AttentionKind
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.intent_entries import IntentEntry, MalformedIntent
from infra.redis.intents import Intents
from workflow_client import WorkflowClient

log = structlog.get_logger()

CONCURRENCY = 64
BLOCK_MS = 500
# An entry taken this long ago and not acknowledged belongs to a dispatcher that is dead.
IDLE_MS = 15_000
CLAIMS_PER_IDLE_TIME = 3
MAX_FAILURES = 5
BACKOFF_FIRST_SECONDS, BACKOFF_LONGEST_SECONDS = 0.1, 5.0
ATTEMPTS_PER_LOG = 12
ERROR_CHARACTERS = 500
# asyncpg's own errors come from connecting, the wrapped ones from queries.
_AWAY = (
    RedisError,
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
    RuntimeError,
)

DEAD_ADVICE = (
    "The buyer's stock is still held. Put right what the error names, then revive the intent from "
    "the item's dead stream; or release the order's reservation and tell the buyer."
)


class Dispatcher:
    """An entry is acknowledged once Temporal has its workflow. While Temporal, Redis or Postgres
    is away entries are kept and nothing counts against them."""

    def __init__(
        self,
        intents: Intents,
        workflows: WorkflowClient,
        database: Database,
        *,
        idle_ms: int = IDLE_MS,
    ) -> None:
        self._intents = intents
        self._workflows = workflows
        self._database = database
        self._idle_ms = idle_ms
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._in_hand: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._claim_at = self._list_again_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Dispatch until `stop`, then finish what is in hand. Entries that wait for Temporal at
        that moment stay pending, for whoever claims them."""
        while not stop.is_set():
            await self._patiently(stop, "intents_unreadable", lambda: self._take_entries(stop))
        if self._in_hand:
            await asyncio.wait(self._in_hand.values())
        with suppress(RedisError):
            await self._intents.leave(self._consumer)

    async def _take_entries(self, stop: asyncio.Event) -> None:
        free = CONCURRENCY - len(self._in_hand)
        if free <= 0:
            await asyncio.wait(self._in_hand.values(), return_when=asyncio.FIRST_COMPLETED)
            return
        if time.monotonic() >= self._list_again_at:
            if lost := await self._intents.list_again():
                log.warning("intents_listed_again", streams=lost)
            self._list_again_at = time.monotonic() + self._idle_ms / 1000
        claimed: list[IntentEntry] = []
        if time.monotonic() >= self._claim_at:
            claimed = await self._intents.claim_from_dead(self._consumer, self._idle_ms, free)
            if not claimed:
                self._claim_at = time.monotonic() + self._idle_ms / 1000 / CLAIMS_PER_IDLE_TIME
        # One that waits for Temporal in our own hand is idle too.
        orphans = [entry for entry in claimed if _name_of(entry) not in self._in_hand]
        for entry in orphans or await self._intents.read(self._consumer, free, BLOCK_MS):
            self._take_in_hand(entry, stop)

    def _take_in_hand(self, entry: IntentEntry, stop: asyncio.Event) -> None:
        name = _name_of(entry)
        task = asyncio.create_task(
            self._patiently(stop, "intent_waits", lambda: self._dispatch(entry))
        )
        self._in_hand[name] = task

        def let_go(done: asyncio.Task[None]) -> None:
            del self._in_hand[name]
            if not done.cancelled() and (error := done.exception()):
                log.error("intent_left_pending", entry_id=entry.entry_id, exc_info=error)

        task.add_done_callback(let_go)

    async def _patiently(
        self, stop: asyncio.Event, event: str, step: Callable[[], Awaitable[None]]
    ) -> None:
        """Repeat the step until no server it needs is away, or until `stop`."""
        for attempt in itertools.count():
            try:
                await step()
                break
            except Exception as error:
                if not _is_away(error):
                    raise
                if attempt % ATTEMPTS_PER_LOG == 0:
                    log.warning(event, error=type(error).__name__, detail=str(error)[:200])
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _backoff(attempt))
            if stop.is_set():
                break

    async def _dispatch(self, entry: IntentEntry) -> None:
        try:
            intent = entry.intent()
            await self._workflows.start_order(intent)
        except MalformedIntent as error:
            await self._bury(entry, str(error))
        except Exception as error:
            if _is_away(error):
                raise
            failures = entry.failures + 1
            log.error("intent_failed", subject=entry.subject, failures=failures, exc_info=error)
            if failures >= MAX_FAILURES:
                await self._bury(entry, f"{type(error).__name__}: {error}")
            else:
                await self._intents.record_failure(entry, self._consumer)
        else:
            await self._intents.acknowledge(entry)
            log.info("order_started", order_id=intent.order_id)

    async def _bury(self, entry: IntentEntry, error: str) -> None:
        # The attention first: raised twice it is one, and a burial nobody hears of is a loss.
        async with self._database.transaction() as connection:
            await Attentions(connection).raise_(
                AttentionKind.DEAD_INTENT,
                entry.subject,
                order_id=entry.order_id,
                what=f"An accepted order cannot be started: {_printable(error)}",
                advice=DEAD_ADVICE,
            )
        await self._intents.bury(entry, error)
        log.error("intent_buried", subject=entry.subject, error=_printable(error))


def _is_away(error: Exception) -> bool:
    """Whether a server is to blame and not the entry. temporalio says RuntimeError for a lazy
    client that cannot connect."""
    if isinstance(error, RPCError):
        return error.status is not RPCStatusCode.INVALID_ARGUMENT
    return isinstance(error, _AWAY)


def _backoff(attempt: int) -> float:
    longest = min(BACKOFF_FIRST_SECONDS * 2 ** min(attempt, 10), BACKOFF_LONGEST_SECONDS)
    # At random, or all dispatchers come back to a server that has just risen at one moment.
    return random.uniform(longest / 2, longest)  # noqa: S311


def _printable(error: str) -> str:
    """Postgres keeps no NUL, and an entry may hold anything."""
    return error[:ERROR_CHARACTERS].replace("\0", "")


def _name_of(entry: IntentEntry) -> tuple[str, str, str]:
    return entry.item.sale_id, entry.item.sku_id, entry.entry_id
