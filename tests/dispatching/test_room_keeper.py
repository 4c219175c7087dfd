import asyncio

from redis.asyncio import Redis

from dispatching.dispatcher import Dispatcher
from infra.postgres.engine import Database
from tests.support.drawing import DrawnRoom
from tests.support.gate import eventually
from tests.support.sender_double import SenderDouble


async def test_while_orders_are_placed_rows_are_kept_lots_drawn_and_buyers_told(
    redis: Redis, database: Database
) -> None:
    room = await DrawnRoom.open(redis, database)
    await room.join("ada")
    sender = SenderDouble()
    async with Dispatcher(redis, database, sender).placing(asyncio.Event()):
        assert len(await eventually(room.tickets, bool)) == 1
        await room.join("bob")
        await room.start()
        places = await eventually(lambda: room.places(["ada", "bob"]), all)
        await room.rooms.turn([room.item])
        await eventually(lambda: asyncio.sleep(0, len(sender.sent)), lambda told: told == 2)

    assert sorted(place or 0 for place in places) == [1, 2]
