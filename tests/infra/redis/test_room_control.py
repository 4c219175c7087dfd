"""Live rooms have their turns, and how it stands in them is told."""

import asyncio

from redis.exceptions import RedisError

from domain.room import RoomFigures
from infra.redis.room_control import Figures, RoomControl
from tests.support.gate import ITEM
from tests.support.rooms import Room


async def test_figures_are_told_at_each_turn_and_none_while_redis_is_away(queue: Room) -> None:
    said: list[Figures] = []
    told, control = asyncio.Event(), RoomControl(queue.rooms, said.append)
    for user_id in ("ada", "bob", "cid", "dan"):
        await queue.join(user_id)
    await control.turn()
    await queue.enter("ada")
    await queue.turn()
    await control.turn()
    assert said[-1] == {ITEM: RoomFigures(waiting=1, called=2, promised=1, serving=3)}

    async def fail() -> bool:
        raise RedisError

    def tell(figures: Figures) -> None:
        said.append(figures)
        told.set()

    failing = RoomControl(queue.rooms, tell)
    failing.turn = fail  # type: ignore[method-assign]
    running = asyncio.create_task(failing.run())
    await told.wait()
    running.cancel()
    assert said[-1] == {}
