"""The Lua scripts, registered: called by digest, loaded again where the server forgot them."""

from functools import cache
from pathlib import Path

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

_FOLDER = Path(__file__).parent / "lua"


class Scripts:
    """`lines.lua` comes first in every script, and `tickets.lua` in those of a room: Redis has no
    imports. Who is only told of his place is answered before that (`told_before.lua`)."""

    def __init__(self, redis: Redis) -> None:
        self.reserve = _register(redis, "reserve")
        self.release = _register(redis, "release")
        self.reclaim = _register(redis, "reclaim")
        self.sell = _register(redis, "sell")
        self.hold = _register(redis, "hold")
        self.preheat = _register(redis, "preheat")
        self.stop = _register(redis, "stop")
        self.repair = _register(redis, "repair")
        self.mend = _register(redis, "mend")
        self.rebuild = _register(redis, "rebuild")
        self.finish = _register(redis, "finish")
        self.give_up = _register(redis, "give_up")
        self.take_over = _register(redis, "take_over")
        self.retire = _register(redis, "retire")
        self.leave = _register(redis, "leave")
        self.join_room = _register(redis, "join_room", "told_before", "tickets")
        self.enter_room = _register(redis, "enter_room", "tickets")
        self.leave_room = _register(redis, "leave_room", "tickets")
        self.look_room = _register(redis, "look_room", "told_before", "tickets")
        self.control_room = _register(redis, "control_room", "tickets")
        self.count_room = _register(redis, "count_room", "tickets")
        self.open_room = _register(redis, "open_room", "tickets")
        self.fix_pool = _register(redis, "fix_pool", "tickets")
        self.fix_places = _register(redis, "fix_places", "tickets")
        self.restore_ticket = _register(redis, "restore_ticket", "tickets")


def _register(redis: Redis, name: str, *before: str) -> AsyncScript:
    return redis.register_script("\n".join(map(_text, ("lines", *before, name))))


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")
