"""The room gate: who has which place in an item's room, and who may order, decided in Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from domain.room import (
    NUMBERS_LEFT_OUT,
    PlaceReport,
    RoomFigures,
    RoomState,
    RoomVerdict,
    Ticket,
)
from domain.sale import ItemRef
from infra.redis.keys import LIVE_ROOMS, ItemKeys, RoomKeys, item_from_line
from infra.redis.room_lines import leaf_in, report_from, ticket_line
from infra.redis.scripts import Scripts

SCAN_COUNT = 500
RANK_BYTES = 4
UNKNOWN = -1
# In one turn: everybody else at this Redis waits meanwhile, and a call takes it a tenth of a
# millisecond.
MOST_CALLED = 200

Recover = Callable[[ItemRef], Awaitable[None]]


class RoomUnknown(Exception):
    """Redis has lost the room, and what it was is not known yet: the caller should come back."""


class FixedPool(NamedTuple):
    """A draw's pool after its end: the leaf of each index, empty where nobody has it."""

    leaves: list[bytes]
    size: int


class RoomTurn(NamedTuple):
    """What one turn did. `is_known`: this Redis has opened the room; without that, nothing is done.
    `is_news`: whether the room is over has changed. `called`: users. `figures`: after it."""

    is_known: bool
    is_over: bool
    is_news: bool
    called: list[str]
    figures: RoomFigures

    @property
    def is_full(self) -> bool:
        """Whether there may be more to call at once."""
        return len(self.called) >= MOST_CALLED


class RoomGate:
    """Every call may be repeated; raises `redis.exceptions.RedisError` when Redis is away.

    `recover` is awaited for a room that this Redis has not opened: it puts back what rows know of
    it, and ends with `reopen`.
    """

    def __init__(self, redis: Redis, recover: Recover | None = None) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._recover = recover or self._open_empty

    async def join(
        self, item: ItemRef, user_id: str, units: int, *, leaf: bytes, nonce: bytes
    ) -> PlaceReport:
        """TICKET with the user's only one, or why not. `leaf` and `nonce` are of the first call.
        Raises RoomUnknown."""
        said = (user_id, units, leaf.hex(), nonce.hex())
        report = await self._report(self._scripts.join_room, item, *said)
        if report.verdict is RoomVerdict.UNKNOWN:
            await self._recover(item)
            report = await self._report(self._scripts.join_room, item, *said)
        if report.verdict is RoomVerdict.UNKNOWN:
            raise RoomUnknown(item.sku_id)
        return report

    async def enter(self, item: ItemRef, user_id: str, order_id: str) -> PlaceReport:
        """PASS with the ticket that has it, or why not. `order_id`: for a new pass."""
        return await self._report(self._scripts.enter_room, item, user_id, order_id)

    async def leave(self, item: ItemRef, user_id: str) -> PlaceReport:
        """TICKET with what is left of it; USED for what became an order."""
        return await self._report(self._scripts.leave_room, item, user_id)

    async def look(self, item: ItemRef, user_id: str) -> PlaceReport:
        """TICKET, with none for who never joined; NOT_FOUND for an unknown item."""
        return await self._report(self._scripts.look_room, item, user_id)

    async def state(self, item: ItemRef) -> RoomState | None:
        """None for a room nobody has come to yet, and for one Redis lost."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hmget(RoomKeys.of(item).room, ["next", "serving", "pool_size", "over", "digest"])
        pipeline.hget(ItemKeys.of(item).item, "tickets")
        (following, serving, pool_size, over, digest), waiting = await pipeline.execute()
        if following is None:
            return None
        return RoomState(
            serving=int(serving or 0),
            next_number=int(following),
            pool_size=None if pool_size is None else int(pool_size),
            is_over=over == "1",
            digest=digest,
            waiting=int(waiting or 0),
        )

    async def live(self) -> list[ItemRef]:
        """Items whose room somebody has to look after."""
        return [item_from_line(str(line)) for line in await self._redis.smembers(LIVE_ROOMS)]

    async def turn(self, items: Sequence[ItemRef]) -> list[RoomTurn | Exception]:
        """One turn of each room's control; trouble with one stays with that one."""
        pipeline = self._redis.pipeline(transaction=False)
        for item in items:
            keys = room_script_keys(item)
            await self._scripts.control_room(keys, [MOST_CALLED], client=pipeline)
        answers = await pipeline.execute(raise_on_error=False)
        return [answer if isinstance(answer, Exception) else _turn(answer) for answer in answers]

    async def fix_pool(self, item: ItemRef) -> FixedPool | None:
        """Ends a draw's pool, which its start does. None before that."""
        size = await self._scripts.fix_pool(room_script_keys(item))
        if size is None:
            return None
        leaves = [b""] * int(size)
        tickets = self._redis.hscan_iter(RoomKeys.of(item).tickets, count=SCAN_COUNT)
        async for _, line in tickets:
            index, leaf = leaf_in(line)
            if index < len(leaves):
                leaves[index] = leaf
        return FixedPool(leaves, len(leaves))

    async def fix_places(self, item: ItemRef, digest: str, packed: bytes) -> bool:
        """`packed`: the rank of each index, from 0, as four bytes, the greatest for who is nobody.
        Once: False if others were first. Raises ResponseError for an item Redis does not know."""
        # Of a large pool the loop would stand still.
        places = await asyncio.to_thread(_with_indexes, packed)
        return bool(await self._scripts.fix_places(room_script_keys(item), [digest, places]))

    async def let_in_again(self, item: ItemRef, ticket: Ticket) -> None:
        """At its number, where nobody knows the ticket any more. Raises RoomUnknown."""
        for _ in range(2):
            arguments: list[str | int] = [ticket.user_id, ticket_line(ticket), 1]
            if await self._scripts.restore_ticket(room_script_keys(item), arguments) != UNKNOWN:
                return
            await self._recover(item)
        raise RoomUnknown(item.sku_id)

    async def restore_tickets(self, item: ItemRef, tickets: Iterable[Ticket]) -> int:
        """Puts back what Redis lost, from rows; how many it did not know so, or later."""
        pipeline = self._redis.pipeline(transaction=False)
        keys = room_script_keys(item)
        for ticket in tickets:
            arguments: list[str | int] = [ticket.user_id, ticket_line(ticket), 0]
            await self._scripts.restore_ticket(keys, arguments, client=pipeline)
        return sum(map(int, await pipeline.execute()))

    async def reopen(
        self,
        item: ItemRef,
        next_number: int = 0,
        serving: int = 0,
        pool_size: int | None = None,
        digest: str | None = None,
    ) -> bool:
        """Joins go on from the greater of what Redis and the caller know, with a gap where there
        was anything. False where this Redis has opened the room already."""
        size = "" if pool_size is None else pool_size
        arguments = [next_number, serving, size, digest or "", NUMBERS_LEFT_OUT]
        return bool(await self._scripts.open_room(room_script_keys(item), arguments))

    async def recover(self, item: ItemRef) -> None:
        await self._recover(item)

    async def _open_empty(self, item: ItemRef) -> None:
        await self.reopen(item)

    async def _report(self, script: AsyncScript, item: ItemRef, *said: Any) -> PlaceReport:
        user_id = said[0]
        return report_from(user_id, await script(room_script_keys(item), list(said)))


def room_script_keys(item: ItemRef) -> list[str]:
    """As `lua/tickets.lua` takes them."""
    keys, room = ItemKeys.of(item), RoomKeys.of(item)
    of_the_room = (room.room, room.tickets, room.numbers, room.passes, room.calls, room.places)
    of_the_item = (keys.reservations, keys.buyers, keys.intents)
    return [keys.item, *of_the_room, room.joins, *of_the_item, LIVE_ROOMS]


def _turn(answer: Sequence[str]) -> RoomTurn:
    verdict, is_over, is_news, *more = answer
    figures = RoomFigures(*map(int, more[:4]))
    return RoomTurn(verdict != "unknown", is_over == "1", is_news == "1", more[4:], figures)


def _with_indexes(packed: bytes) -> bytes:
    """Ranks of all indexes, and after them the indexes in order of rank. A hole is last of all."""
    size = len(packed) // RANK_BYTES
    ranks = [int.from_bytes(packed[at : at + RANK_BYTES]) for at in range(0, len(packed), 4)]
    indexes = sorted(range(size), key=lambda index: (ranks[index], index))
    complete = [0] * size
    for rank, index in enumerate(indexes):
        complete[index] = rank
    return b"".join(number.to_bytes(RANK_BYTES) for number in (*complete, *indexes))
