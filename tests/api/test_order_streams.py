"""Who may follow a room, and who is told that there is nothing to wait for."""

from typing import Any

from api.metrics import Metrics
from api.order_streams import OrderStreams
from api.streams.registry import Streams
from api.streams.room_feed import RoomFeed
from api.streams.stream import End
from tests.support.gate import ITEM
from tests.support.read_room import ReadRoom

NOTHING: Any = None


async def test_only_who_comes_again_is_told_nothing_of_a_room_that_is_over() -> None:
    room = ReadRoom(is_final=True)
    streams = Streams(Metrics(), at_most=4, per_user=1, per_address=1)
    opening = OrderStreams(streams, NOTHING, NOTHING, RoomFeed(room.read), NOTHING)

    first = await opening.of_room(ITEM, "192.0.2.1", "room")
    again = await opening.of_room(ITEM, "192.0.2.1", "room", "1790000000000")

    assert first
    assert first.end is End.FINAL
    (batch,) = [batch async for batch in first.batches()]
    assert [message.key for message in batch] == ["SALE1:sku-1"]
    assert again is None
