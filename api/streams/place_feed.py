"""Places in rooms, told to their owners: on being called, and whatever else becomes of them.

Rooms are read for all owners together, and only the places that have changed are looked at one by
one. How the line goes on meanwhile, the room's own stream tells everybody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from api.schemas.rooms import PlaceView
from api.streams.stream import Message, Stream
from api.streams.turns import Turns
from domain.room import PlaceReport
from domain.sale import ItemRef
from infra.redis.room_places import RoomPlaces, SeenPlace, version_of

TURN_SECONDS = 1.0
# Where more follow than one turn may read for, each turn reads other rooms.
LINES_A_TURN = 50_000
# Lots are drawn for all at once: 8,000 streams are told within five seconds.
TOLD_A_TURN = 1_600
TOLD_AT_A_STRETCH = 50
# A room that has ended is nobody's to look after, and then its owners are told the end.
KEPT_SECONDS = 10.0
EVENT = "place"

Show = Callable[[ItemRef, PlaceReport], Awaitable[PlaceView | None]]


class LiveRooms(Protocol):
    async def live(self) -> list[ItemRef]: ...


@dataclass(slots=True)
class _Followed:
    """`known`: what all of the streams have been told."""

    streams: set[Stream] = field(default_factory=set)
    known: dict[ItemRef, int] = field(default_factory=dict)


class PlaceFeed:
    """`show`: a place as its owner sees it; None where there is nothing to show."""

    def __init__(
        self,
        rooms: LiveRooms,
        places: RoomPlaces,
        show: Show,
        *,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._rooms = rooms
        self._places = places
        self._show = show
        self._by_user: dict[str, _Followed] = {}
        self._kept_until: dict[ItemRef, float] = {}
        self._begun = 0
        self._turns = Turns(
            self._turn, lambda: bool(self._by_user), seconds=turn_seconds, trouble="places_not_read"
        )

    def follow_user(self, stream: Stream) -> None:
        """The stream is told of all places of its user: soon what they are like, and from now on
        of each that changes."""
        followed = self._by_user.setdefault(stream.user_id, _Followed())
        followed.streams.add(stream)
        # The others have been told what this one has not.
        followed.known.clear()
        stream.at_close(lambda: self._leave(stream))
        self._turns.begin()

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._turns.run()

    async def _turn(self) -> None:
        users = list(self._by_user)
        items = await self._rooms_for(len(users))
        due = [one for one in await self._places.seen(items, users) if self._is_new(one)]
        # Who is called has least time.
        due.sort(key=lambda one: not one.is_called)
        del due[TOLD_A_TURN:]
        for start in range(0, len(due), TOLD_AT_A_STRETCH):
            await self._tell(due[start : start + TOLD_AT_A_STRETCH])

    async def _rooms_for(self, users: int) -> list[ItemRef]:
        now = asyncio.get_running_loop().time()
        live = await self._rooms.live()
        self._kept_until |= dict.fromkeys(live, now + KEPT_SECONDS)
        items = [item for item, until in self._kept_until.items() if until > now]
        if len(items) < len(self._kept_until):
            self._forget(set(items))
        most = max(1, LINES_A_TURN // users)
        if len(items) <= most:
            return items
        first = self._begun % len(items)
        self._begun = first + most
        return (items * 2)[first : first + most]

    def _forget(self, kept: set[ItemRef]) -> None:
        self._kept_until = {item: self._kept_until[item] for item in kept}
        for followed in self._by_user.values():
            for item in followed.known.keys() - kept:
                del followed.known[item]

    def _is_new(self, place: SeenPlace) -> bool:
        followed = self._by_user.get(place.user_id)
        return followed is not None and followed.known.get(place.item) != place.version

    async def _tell(self, places: Sequence[SeenPlace]) -> None:
        for place, report in zip(places, await self._places.reports(places), strict=True):
            version = version_of(report) if report else place.version
            view = await self._show(place.item, report) if report else None
            followed = self._by_user.get(place.user_id)
            if followed is None:
                continue
            followed.known[place.item] = version
            if view is not None:
                data = view.model_dump_json(by_alias=True)
                message = Message(f"{view.sale_id}:{view.sku_id}", version, EVENT, data)
                for stream in followed.streams:
                    stream.offer(message)

    def _leave(self, stream: Stream) -> None:
        followed = self._by_user.get(stream.user_id)
        if followed:
            followed.streams.discard(stream)
            if not followed.streams:
                del self._by_user[stream.user_id]
