import asyncio

from redis.asyncio import Redis

from dispatching.dispatcher import Dispatcher
from infra.postgres.engine import Database
from tests.support.drawing import DrawnRoom
from tests.support.gate import eventually


async def test_while_orders_are_placed_rows_are_kept_and_lots_drawn(
    redis: Redis, database: Database
) -> None:
    room = await DrawnRoom.open(redis, database)
    await room.join("ada")
    async with Dispatcher(redis, database).placing(asyncio.Event()):
        assert len(await eventually(room.tickets, bool)) == 1
        await room.join("bob")
        await room.start()
        places = await eventually(lambda: room.places(["ada", "bob"]), all)

    assert sorted(place or 0 for place in places) == [1, 2]
