"""Rooms as everybody sees them, told to whoever follows: each is read once for all its streams."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from api.schemas.rooms import RoomView
from api.streams.stream import End, Message, Stream
from api.streams.turns import Turns
from domain.errors import ErrorCode, Refusal
from domain.sale import ItemRef

# So often a room is read, and so often at most its streams are told.
TURN_SECONDS = 1.0
ROOMS_AT_ONCE = 50
# A stadium may follow one room: clicks come in between.
SENDS_AT_A_STRETCH = 200
EVENT = "room"


class SeenRoom(NamedTuple):
    """`is_final`: it is over, and nothing will come back, for its sale has ended."""

    view: RoomView
    is_final: bool


Read = Callable[[ItemRef], Awaitable[SeenRoom]]


@dataclass(slots=True)
class _Followed:
    newest: RoomView
    streams: set[Stream] = field(default_factory=set)


class RoomFeed:
    """`read`: a room as it is now; raises Refusal NOT_FOUND for one that is no more."""

    def __init__(self, read: Read, *, turn_seconds: float = TURN_SECONDS) -> None:
        self.read = read
        self._by_item: dict[ItemRef, _Followed] = {}
        self._turns = Turns(
            self._turn, lambda: bool(self._by_item), seconds=turn_seconds, trouble="rooms_not_read"
        )

    def follow(self, stream: Stream, item: ItemRef, seen: SeenRoom) -> None:
        """From now on the stream is told of the room: at once what was seen."""
        if seen.is_final:
            stream.offer(_message(item, seen.view))
            stream.finish(End.FINAL)
            return
        followed = self._by_item.setdefault(item, _Followed(seen.view))
        followed.streams.add(stream)
        stream.at_close(lambda: self._leave(item, stream))
        # What all others know: else the next turn would say the same again to this one.
        stream.offer(_message(item, followed.newest))
        self._turns.begin()

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._turns.run()

    async def _turn(self) -> None:
        items = list(self._by_item)
        trouble: BaseException | None = None
        for start in range(0, len(items), ROOMS_AT_ONCE):
            some = items[start : start + ROOMS_AT_ONCE]
            answers = await asyncio.gather(*map(self.read, some), return_exceptions=True)
            for item, answer in zip(some, answers, strict=True):
                if isinstance(answer, SeenRoom):
                    await self._tell(item, answer)
                elif isinstance(answer, Refusal) and answer.code is ErrorCode.NOT_FOUND:
                    await self._end(item)
                else:
                    trouble = answer
        if trouble:
            raise trouble

    async def _tell(self, item: ItemRef, seen: SeenRoom) -> None:
        followed = self._by_item.get(item)
        if followed is None:
            return
        newest = followed.newest
        # That time goes by is no change.
        if seen.view.model_copy(update={"server_time": newest.server_time}) != newest:
            followed.newest = seen.view
            message = _message(item, seen.view)
            await _with_each(followed.streams, lambda stream: stream.offer(message))
        if seen.is_final:
            await self._end(item)

    async def _end(self, item: ItemRef) -> None:
        if followed := self._by_item.get(item):
            await _with_each(followed.streams, lambda stream: stream.finish(End.FINAL))

    def _leave(self, item: ItemRef, stream: Stream) -> None:
        followed = self._by_item.get(item)
        if followed:
            followed.streams.discard(stream)
            if not followed.streams:
                del self._by_item[item]


async def _with_each(streams: Iterable[Stream], tell: Callable[[Stream], None]) -> None:
    # Who comes meanwhile is told the newest by itself.
    for number, stream in enumerate(tuple(streams), start=1):
        tell(stream)
        if number % SENDS_AT_A_STRETCH == 0:
            await asyncio.sleep(0)


def _message(item: ItemRef, view: RoomView) -> Message:
    """Its version is the moment in milliseconds, which any process tells alike."""
    version = int(view.server_time.timestamp() * 1000)
    return Message(f"{item.sale_id}:{item.sku_id}", version, EVENT, view.model_dump_json())
