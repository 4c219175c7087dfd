"""Which items' streams hold an entry: the only ones a dispatcher reads.

The scripts that add an entry list its stream, and the one that takes the last entry out strikes it
off. So a read costs what is waiting, however many sales there ever were.
"""

from collections.abc import Iterable, Sequence
from typing import Self, cast

from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.keys import BELL, LIVE_STREAMS, ItemKeys, item_of_stream
from infra.redis.scripts import Scripts

PAGE = 500


class LiveStreams:
    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts
        self._heard = "0"

    @classmethod
    def of(cls, redis: Redis) -> Self:
        return cls(redis, Scripts(redis))

    async def some(self, most: int) -> dict[str, ItemRef]:
        """By key; `most` of them at most, others each time."""
        return _by_key(cast(list[str], await self._redis.srandmember(LIVE_STREAMS, most)))

    async def all(self) -> dict[str, ItemRef]:
        return _by_key(cast(set[str], await self._redis.smembers(LIVE_STREAMS)))

    async def entries(self) -> int:
        """How many wait in all of them."""
        return sum(await self._lengths(list(await self.all())))

    async def oldest_ms(self) -> int | None:
        """When the longest waiting entry of all was accepted, by Redis' clock. None for none."""
        firsts = self._redis.pipeline(transaction=False)
        for key in await self.all():
            firsts.xrange(key, count=1)
        entries = [page[0][0] for page in await firsts.execute() if page]
        return min((int(entry.partition("-")[0]) for entry in entries), default=None)

    async def wait(self, at_most_ms: int) -> bool:
        """Until the bell rings, or has rung since the last call. False if it did not."""
        reply = await self._redis.xread({BELL: self._heard}, count=1, block=at_most_ms)
        for _, rings in cast(list[tuple[str, list[tuple[str, object]]]], reply):
            self._heard = rings[-1][0]
        return bool(reply)

    async def list_again(self, items: Iterable[ItemRef]) -> int:
        """Lists streams that hold an entry and are not listed, and strikes off empty ones.

        An API process of an older release lists nothing, and who restores a Redis by parts, or
        writes in it by hand, may leave a stream out. Answers how many were listed.
        """
        live = await self.all()
        keys = list(dict.fromkeys([*(ItemKeys.of(item).intents for item in items), *live]))
        waiting = {
            key for key, length in zip(keys, await self._lengths(keys), strict=True) if length
        }
        left_out = waiting - live.keys()
        if left_out:
            await self._redis.sadd(LIVE_STREAMS, *left_out)
            await self._redis.xadd(BELL, {"at": "0"}, maxlen=1, approximate=False)
        for key in live.keys() - waiting:
            await self._scripts.leave(keys=[key, LIVE_STREAMS])
        return len(left_out)

    async def _lengths(self, keys: Sequence[str]) -> list[int]:
        lengths: list[int] = []
        for start in range(0, len(keys), PAGE):
            page = self._redis.pipeline(transaction=False)
            for key in keys[start : start + PAGE]:
                page.xlen(key)
            lengths += await page.execute()
        return lengths


def _by_key(keys: Iterable[str]) -> dict[str, ItemRef]:
    return {key: item for key in keys if (item := item_of_stream(key))}
