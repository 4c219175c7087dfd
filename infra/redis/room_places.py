"""What rooms say of very many users' places, a few questions for all of them."""

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from domain.room import PlaceReport, RoomVerdict, TicketState
from domain.sale import ItemRef
from infra.redis.keys import ItemKeys, RoomKeys
from infra.redis.room_gate import room_script_keys
from infra.redis.room_lines import report_from
from infra.redis.scripts import Scripts

# Whom everybody else waits for meanwhile.
LINES_AT_ONCE = 5_000
USERS_AT_ONCE = 1_000
# Of these nothing changes by what becomes of the room.
_ENDED = frozenset({TicketState.USED, TicketState.LAPSED, TicketState.LEFT})


class SeenPlace(NamedTuple):
    """`version`: another one whenever its owner has something new to be told."""

    item: ItemRef
    user_id: str
    version: int
    is_called: bool


class _Room(NamedTuple):
    is_over: bool
    is_drawn: bool
    pool_size: int | None
    has_places: bool


class RoomPlaces:
    """Raises `redis.exceptions.RedisError` when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)

    async def seen(self, items: Sequence[ItemRef], users: Sequence[str]) -> list[SeenPlace]:
        """The places that these users have in these rooms."""
        found: list[SeenPlace] = []
        for start in range(0, len(users), USERS_AT_ONCE):
            some = users[start : start + USERS_AT_ONCE]
            step = max(1, LINES_AT_ONCE // len(some))
            for first in range(0, len(items), step):
                found += await self._seen(items[first : first + step], some)
        return found

    async def reports(self, places: Sequence[SeenPlace]) -> list[PlaceReport | None]:
        """Of each, what its owner is told who joins again; None where there is no place now."""
        pipeline = self._redis.pipeline(transaction=False)
        for one in places:
            await self._scripts.look_room(
                room_script_keys(one.item), [one.user_id], client=pipeline
            )
        answers = await pipeline.execute(raise_on_error=False)
        return [
            None if isinstance(answer, Exception) else _whole(report_from(one.user_id, answer))
            for one, answer in zip(places, answers, strict=True)
        ]

    async def _seen(self, items: Sequence[ItemRef], users: Sequence[str]) -> list[SeenPlace]:
        pipeline = self._redis.pipeline(transaction=False)
        for item in items:
            keys = RoomKeys.of(item)
            pipeline.hmget(keys.room, ["over", "pool_size"])
            pipeline.hget(ItemKeys.of(item).item, "drawn")
            pipeline.strlen(keys.places)
            pipeline.hmget(keys.tickets, list(users))
        answers = iter(await pipeline.execute())
        found: list[SeenPlace] = []
        for item, said, drawn, places, lines in zip(items, *[answers] * 4, strict=False):
            over, size = said
            room = _Room(over == "1", drawn == "1", None if size is None else int(size), places > 0)
            found += (
                _place(item, user_id, line, room)
                for user_id, line in zip(users, lines, strict=True)
                if line
            )
        return found


def version_of(report: PlaceReport) -> int:
    """The same that is seen of the place. Of a report with a ticket."""
    if report.ticket is None:
        raise ValueError("there is no ticket")
    ticket = report.ticket
    return _version(ticket.version, ticket.state, report.room.is_over, report.place is not None)


def _place(item: ItemRef, user_id: str, line: str, room: _Room) -> SeenPlace:
    word, version, _, number, _ = line.split(" ", 4)
    state = TicketState(word)
    # As place_of() in tickets.lua has it: in a pool there is none until the lots are drawn.
    came_late = room.pool_size is not None and int(number) >= room.pool_size
    has_place = not room.is_drawn or came_late or (room.pool_size is not None and room.has_places)
    told = _version(int(version), state, room.is_over, has_place)
    return SeenPlace(item, user_id, told, state is TicketState.CALLED)


def _version(version: int, state: TicketState, is_over: bool, has_place: bool) -> int:
    return version * 4 + 2 * (is_over and state not in _ENDED) + has_place


def _whole(report: PlaceReport) -> PlaceReport | None:
    return report if report.verdict is RoomVerdict.TICKET and report.ticket else None
