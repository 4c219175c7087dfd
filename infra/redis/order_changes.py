"""That orders have changed, told to every API process on one channel. A message may be lost: who
listens looks for himself from time to time."""

import asyncio
import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from domain.order import OrderChange

log = structlog.get_logger()

CHANNEL = "seckill:orders:changed"
MOST_TOGETHER = 1_000
# While Redis is away so many orders are remembered; of the others the next look tells.
MOST_WAITING = 10_000
FAREWELL_SECONDS = 1.0
LISTEN_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
TELL_EVERY_SECONDS = 10.0

Heard = Callable[[Sequence[OrderChange]], None]


class ChangeAnnouncer:
    """Nobody waits for what is told here, and nobody hears that it could not be told."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: dict[str, OrderChange] = {}
        self._telling: asyncio.Task[None] | None = None
        self._complained_at = -math.inf

    def announce(self, changes: Collection[OrderChange]) -> None:
        """At the next turn of the loop, with whatever else is announced until then."""
        self._waiting.update((change.order_id, change) for change in changes)
        if len(self._waiting) > MOST_WAITING:
            self._waiting = dict(islice(self._waiting.items(), MOST_WAITING))
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def aclose(self) -> None:
        """What was announced just before is told still, if that takes no time."""
        if telling := self._telling:
            await asyncio.wait({telling}, timeout=FAREWELL_SECONDS)
            telling.cancel()

    async def _tell(self) -> None:
        try:
            while self._waiting:
                together = dict(islice(self._waiting.items(), MOST_TOGETHER))
                for order_id in together:
                    del self._waiting[order_id]
                await self._redis.publish(CHANNEL, as_message(together.values()))
        except (RedisError, OSError, TimeoutError) as error:
            # Or it would all be told when nobody cares any more.
            self._waiting.clear()
            if time.monotonic() - self._complained_at > TELL_EVERY_SECONDS:
                self._complained_at = time.monotonic()
                log.warning("changes_not_announced", error=repr(error)[:200])
        finally:
            self._telling = None


class ChangeListener:
    """`changed` is called with each message's orders, and `missed` whenever the channel is
    listened to anew: what was told before that was not heard."""

    def __init__(self, redis: Redis, changed: Heard, missed: Callable[[], None]) -> None:
        self._redis = redis
        self._changed = changed
        self._missed = missed

    async def run(self) -> None:
        """Until it is cancelled, with Redis or without it."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    while True:
                        self._hear(await _next_message(channel))
                        pause = FIRST_PAUSE_SECONDS
            except (RedisError, OSError, TimeoutError) as error:
                if pause == FIRST_PAUSE_SECONDS:
                    log.warning("changes_not_heard", error=repr(error)[:200])
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _hear(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._missed()
        elif message["type"] == "message":
            try:
                changes = from_message(message["data"])
            except (ValueError, TypeError) as error:
                # Of a later release, perhaps: the next look tells what it told.
                log.warning("message_not_understood", error=repr(error)[:200])
            else:
                self._changed(changes)


def as_message(changes: Iterable[OrderChange]) -> str:
    return json.dumps([list(change) for change in changes], separators=(",", ":"))


def from_message(message: str) -> list[OrderChange]:
    """Raises ValueError or TypeError."""
    return [
        OrderChange(str(user_id), str(order_id), int(version))
        for user_id, order_id, version in json.loads(message)
    ]


async def _next_message(channel: PubSub) -> Mapping[str, Any]:
    """Raises TimeoutError when the server has fallen silent: without being asked, a connection
    whose other end is gone would be listened to for ever."""
    message = await channel.get_message(timeout=LISTEN_SECONDS)
    if message is None:
        await channel.ping()
        message = await channel.get_message(timeout=LISTEN_SECONDS)
    if message is None:
        raise TimeoutError("Redis does not answer on the channel")
    return cast(Mapping[str, Any], message)
