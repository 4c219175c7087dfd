"""What a room has counted of its tickets, compared with them, for the audit and its repair."""

from collections.abc import Mapping
from typing import NamedTuple

from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.room_gate import room_script_keys
from infra.redis.scripts import Scripts

# As `lua/count_room.lua` answers: of what is counted, and of what there is.
_NAMES = ("waiting", "called", "promised", "tickets")


class Miscount(NamedTuple):
    counted: int
    there_is: int


class RoomCounts:
    """Raises `redis.exceptions.RedisError` when Redis is away; every call may be repeated. Redis
    serves nobody else while it counts."""

    def __init__(self, redis: Redis) -> None:
        self._script = Scripts(redis).count_room

    async def miscounts(self, item: ItemRef) -> Mapping[str, Miscount]:
        """Each figure of a live room that is wrong; none of a room that is not live."""
        return _wrong(await self._script(room_script_keys(item), [0]))

    async def count_anew(self, item: ItemRef) -> None:
        """From the tickets, which decide. Of a room that is not live nothing is counted."""
        await self._script(room_script_keys(item), [1])


def _wrong(answer: list[str] | None) -> Mapping[str, Miscount]:
    if answer is None:
        return {}
    *figures, in_passes = map(int, answer)
    counted, there_is = figures[: len(_NAMES)], figures[len(_NAMES) :]
    compared = dict(zip(_NAMES, map(Miscount, counted, there_is), strict=True))
    compared["passes"] = Miscount(in_passes, compared["promised"].there_is)
    return {name: both for name, both in compared.items() if both.counted != both.there_is}
