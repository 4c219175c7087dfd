"""The Lua scripts, registered: called by digest, loaded again where the server forgot them."""

from functools import cache
from pathlib import Path

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

_FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """`lines.lua` comes first in every script: Redis has no imports."""

    def __init__(self, redis: Redis) -> None:
        self.reserve = _register(redis, "reserve")
        self.release = _register(redis, "release")
        self.reclaim = _register(redis, "reclaim")
        self.sell = _register(redis, "sell")
        self.hold = _register(redis, "hold")
        self.preheat = _register(redis, "preheat")
        self.pause = _register(redis, "pause")
        self.rebuild = _register(redis, "rebuild")
        self.finish = _register(redis, "finish")
        self.give_up = _register(redis, "give_up")
        self.take_over = _register(redis, "take_over")
        self.retire = _register(redis, "retire")
        self.leave = _register(redis, "leave")


def _register(redis: Redis, name: str) -> AsyncScript:
    return redis.register_script(_text("lines") + "\n" + _text(name))


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")
