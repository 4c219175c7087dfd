"""Sold out, known at the node: a lease of 300 ms, never a flag.

Once an item is gone nearly every click is a stranger's who gets nothing, and asking Redis costs
most of such an answer. So what a look at Redis found is answered from memory, on these terms:

- The look was begun at most 300 ms ago, and came back. Then a unit that returned, or was put there
  by hand, is refused to strangers for no longer than that.
- The subscription to `STOCK_CHANGED` stood at that moment: each look publishes a word to this node
  alone, in the same MULTI in which it reads, and counts once that word is heard. Redis tells one
  subscriber everything in order, so all that had changed before the look was heard before.
- Whoever is named among the item's buyers or requests is asked of Redis: a winner's second click,
  and a repeat, are answered by who knows them. So is whoever was called: a unit is kept for him.
"""

import asyncio
import itertools
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.sale import ItemRef
from infra.background import ended
from infra.redis.client import without_retries
from infra.redis.keys import STOCK_CHANGED, ItemKeys, RoomKeys, keys_of
from infra.redis.sold_out_looks import ASKED, Look, look_from, users_of

log = structlog.get_logger()

STANDS_SECONDS = 0.3
# Looked again while it stands, so that a stream of clicks never falls through to Redis; and no
# more often, however many units come and go.
LOOK_EVERY_SECONDS = 0.1
# Names are read anew that often although nothing says that they changed: somebody may have written
# in Redis by hand, or a worker of an older release, which tells nobody.
NAMES_SECONDS = 1.0
# Above that reading them costs more than asking.
MOST_NAMES = 20_000
MOST_ITEMS = 64
# Of those who were called and did not come yet.
MOST_CALLED = 1_000
SUBSCRIBE_AGAIN_SECONDS = 0.5
SUBSCRIBED_WITHIN_SECONDS = 2.0


class _Names(NamedTuple):
    """`buyers`, `requests`: how many fields those hashes had when `users` was read. The scripts
    only ever add to them, unless they tell of it."""

    read_at: float
    buyers: int
    requests: int
    users: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Lease:
    looked_at: float
    free: int
    waiting: int | None
    limit: int
    users: frozenset[str]
    called: frozenset[str]


class SoldOutLeases:
    """Of one process. `clock`: seconds that only go on."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._clock = clock
        self._own_channel = f"{STOCK_CHANGED}:{secrets.token_hex(8)}"
        self._leases: dict[str, _Lease] = {}
        self._names: dict[str, _Names] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._words = itertools.count()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._hears = False

    @classmethod
    @asynccontextmanager
    async def listening(
        cls, redis: Redis, clock: Callable[[], float] = time.monotonic
    ) -> AsyncIterator[Self]:
        """Subscribed as soon as Redis lets it, and again after each cut, until the block ends."""
        leases = cls(redis, clock)
        leases._listen_anew()
        try:
            yield leases
        finally:
            await leases._stop()

    def refuses(self, item: ItemRef, user_id: str, quantity: int) -> bool:
        """Whether this click is known to be for what is sold out. False says nothing: ask Redis."""
        key = keys_of(item.sale_id, item.sku_id).item
        lease = self._leases.get(key)
        if lease is None:
            return False
        age = self._clock() - lease.looked_at
        if age > LOOK_EVERY_SECONDS:
            self.learn(item)
        return (
            age <= STANDS_SECONDS
            # Above the limit Redis would say that instead.
            and lease.free < quantity <= lease.limit
            and user_id not in lease.users
            and user_id not in lease.called
        )

    def waiting(self, item: ItemRef) -> int | None:
        """Tickets in the room of an item that is known to be sold out; None without a room."""
        lease = self._leases.get(keys_of(item.sale_id, item.sku_id).item)
        return lease.waiting if lease else None

    def learn(self, item: ItemRef) -> None:
        """Look whether the item is sold out, as Redis has just said. Never waits."""
        keys = ItemKeys.of(item)
        now = self._clock()
        is_early = now < self._not_before.get(keys.item, -math.inf)
        if not self._hears or is_early or keys.item in self._looks:
            return
        if len(self._not_before) >= MOST_ITEMS:
            self._forget_all()
            self._not_before.clear()
        self._not_before[keys.item] = now + LOOK_EVERY_SECONDS
        look = asyncio.get_running_loop().create_task(self._look(item, now))
        self._looks[keys.item] = look
        self._tasks.add(look)
        look.add_done_callback(lambda done: self._looked(keys.item, done))

    async def _look(self, item: ItemRef, began: float) -> None:
        keys = ItemKeys.of(item)
        names = self._names.get(keys.item)
        seen = await self._read(item, with_users=False)
        if seen.buyers + seen.requests > MOST_NAMES:
            return
        is_known = names is not None and (names.buyers, names.requests) == (
            seen.buyers,
            seen.requests,
        )
        if names is None or not is_known or began - names.read_at > NAMES_SECONDS:
            seen = await self._read(item, with_users=True)
            users = seen.users or frozenset()
            names = _Names(began, seen.buyers, seen.requests, users)
        # Something changed meanwhile, or the subscription was cut: what was read is worth nothing.
        if self._looks.get(keys.item) is not asyncio.current_task():
            return
        self._names[keys.item] = names
        if seen.is_open and seen.free < seen.limit:
            self._leases[keys.item] = _Lease(
                began, seen.free, seen.waiting, seen.limit, names.users, seen.called
            )
        else:
            self._leases.pop(keys.item, None)

    def _looked(self, key: str, look: asyncio.Task[None]) -> None:
        self._tasks.discard(look)
        if self._looks.get(key) is look:
            del self._looks[key]
        # No look, no lease: whoever clicks asks Redis, and hears from there what is wrong.
        if not look.cancelled() and (error := look.exception()):
            log.debug("sold_out_look_failed", item=key, error=repr(error)[:200])

    async def _read(self, item: ItemRef, *, with_users: bool) -> Look:
        """One moment of Redis, and everything heard that was published before it. Raises
        RedisError, or TimeoutError where the subscription does not answer."""
        keys, calls = ItemKeys.of(item), RoomKeys.of(item).calls
        word = str(next(self._words))
        heard = self._awaited[word] = asyncio.get_running_loop().create_future()
        try:
            async with self._redis.pipeline(transaction=True) as moment:
                # Inside a pipeline these only queue the command; there is nothing to await.
                moment.execute_command("TIME")
                moment.execute_command("HMGET", keys.item, *ASKED)
                moment.execute_command("HLEN", keys.buyers)
                moment.execute_command("HLEN", keys.requests)
                moment.execute_command("ZRANGE", calls, 0, MOST_CALLED - 1)
                if with_users:
                    moment.execute_command("HKEYS", keys.buyers)
                    moment.execute_command("HKEYS", keys.requests)
                moment.execute_command("PUBLISH", self._own_channel, word)
                found = await moment.execute()
            try:
                async with asyncio.timeout(STANDS_SECONDS):
                    await heard
            except TimeoutError:
                # A line can be dead without a word of it.
                if self._hears:
                    self._listen_anew()
                raise
        finally:
            self._awaited.pop(word, None)
        users = users_of(found[5], found[6]) if with_users else None
        clock, terms, buyers, requests, called = found[:5]
        seen = look_from(clock, terms, buyers, requests, users, STANDS_SECONDS)
        return seen._replace(called=frozenset(called))

    def _listen_anew(self) -> None:
        self._forget_all()
        self._hears = False
        if self._listening is not None:
            self._begin(ended(self._listening))
        self._listening = self._begin(self._listen())

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _listen(self) -> None:
        is_told = False
        while True:
            try:
                await self._hear_all()
            except (RedisError, OSError, TimeoutError) as error:
                # Once for each time it is cut, not for each time that it cannot be mended.
                if self._hears or not is_told:
                    log.warning("stock_changes_not_heard", error=repr(error)[:200])
                is_told = True
            finally:
                self._forget_all()
                self._hears = False
            await asyncio.sleep(SUBSCRIBE_AGAIN_SECONDS)

    async def _hear_all(self) -> None:
        async with AsyncExitStack() as closing:
            # redis-py would mend a cut by itself, and what was missed meanwhile nobody would know.
            client = without_retries(self._redis)
            closing.push_async_callback(client.aclose)
            subscription = client.pubsub()
            closing.push_async_callback(subscription.aclose)
            async with asyncio.timeout(SUBSCRIBED_WITHIN_SECONDS) as patience:
                await subscription.subscribe(STOCK_CHANGED, self._own_channel)
                async for said in subscription.listen():
                    self._hear(said)
                    if self._hears:
                        patience.reschedule(None)

    def _hear(self, said: dict[str, Any]) -> None:
        if said["type"] != "message":
            # Subscribed just now, to one channel or both: nothing from before it counts.
            self._forget_all()
            self._hears = said["channel"] == self._own_channel
        elif said["channel"] == STOCK_CHANGED:
            self._forget(said["data"])
        elif (waiting := self._awaited.get(said["data"])) and not waiting.done():
            waiting.set_result(None)

    def _forget(self, key: str) -> None:
        """Also what is just being looked at: it may have been read before the change."""
        for known in (self._leases, self._names, self._looks):
            cast(dict[str, object], known).pop(key, None)

    def _forget_all(self) -> None:
        for known in (self._leases, self._names, self._looks):
            cast(dict[str, object], known).clear()

    async def _stop(self) -> None:
        for task in tuple(self._tasks):
            await ended(task)
