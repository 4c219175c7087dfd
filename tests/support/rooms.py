"""A room of one item on a real Redis, in a word each."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from redis.asyncio import Redis

from domain.ids import new_order_id
from domain.reservation import GateAnswer
from domain.room import PlaceReport, TicketState
from domain.sale import Admission, ItemRef, ItemTerms
from infra.redis.keys import ItemKeys, RoomKeys
from infra.redis.room_gate import RoomGate, RoomTurn
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, LONG_AGO_MS, request_for, terms_of

COUNTED = ("stock", "held", "promised", "called", "waiting")
_moments = count(1_900_000_000_000)


@dataclass
class Room:
    redis: Redis
    gate: StockGate
    rooms: RoomGate
    terms: ItemTerms

    @classmethod
    async def open(
        cls, redis: Redis, *, stock: int, admission: Admission = Admission.QUEUE, **terms: Any
    ) -> "Room":
        opened = cls(
            redis, StockGate(redis), RoomGate(redis), terms_of(admission=admission, **terms)
        )
        await opened.gate.preheat(opened.terms, stock)
        return opened

    async def join(self, user_id: str, units: int = 1) -> PlaceReport:
        leaf = user_id.encode().ljust(32, b"\0")[:32]
        return await self.rooms.join(ITEM, user_id, units, leaf=leaf, nonce=b"n" * 16)

    async def enter(self, user_id: str) -> PlaceReport:
        return await self.rooms.enter(ITEM, user_id, new_order_id(1, next(_moments)))

    async def leave(self, user_id: str) -> PlaceReport:
        return await self.rooms.leave(ITEM, user_id)

    async def turn(self) -> list[str]:
        """A turn of the control that is due; the users it called."""
        await self.redis.hdel(RoomKeys.of(ITEM).room, "last_ms")
        (turned,) = await self.rooms.turn([ITEM])
        if isinstance(turned, RoomTurn) and not turned.is_known:
            await self.rooms.recover(ITEM)
            (turned,) = await self.rooms.turn([ITEM])
        assert isinstance(turned, RoomTurn), turned
        return turned.called

    async def order(self, user_id: str, quantity: int = 1) -> GateAnswer:
        """With the pass the user has, or gets now."""
        ticket = (await self.enter(user_id)).ticket
        assert ticket is not None
        assert ticket.order_id, ticket
        request = request_for(ticket.order_id, user_id, quantity, pass_units=ticket.units)
        return await self.gate.reserve(request)

    async def state_of(self, user_id: str) -> TicketState | None:
        ticket = (await self.rooms.look(ITEM, user_id)).ticket
        return ticket.state if ticket else None

    async def counts(self) -> dict[str, int]:
        values = await self.redis.hmget(ItemKeys.of(ITEM).item, list(COUNTED))
        return {name: int(value or 0) for name, value in zip(COUNTED, values, strict=True)}

    async def change(self, **terms: Any) -> None:
        """Other terms, at once."""
        self.terms = self.terms.model_copy(update=terms)
        await self.gate.preheat(self.terms, 0)

    async def let_passes_end(self) -> None:
        """As if their time were over."""
        await self._make_old(RoomKeys.of(ITEM).passes)

    async def let_calls_pass(self) -> None:
        """As if nobody who was called had come in time."""
        await self._make_old(RoomKeys.of(ITEM).calls)

    async def _make_old(self, key: str) -> None:
        for member in await self.redis.zrange(key, 0, -1):
            await self.redis.zadd(key, {str(member): LONG_AGO_MS})


async def come_back_as_another(redis: Redis, item: ItemRef = ITEM) -> None:
    """As a server that holds this room from before it was started."""
    key = RoomKeys.of(item).room
    await redis.hset(key, "run_id", "of the server before")
    await redis.hdel(key, "sure_ms")


async def be_out_of_reach(redis: Redis, item: ItemRef = ITEM) -> None:
    """As a server nobody reached for long: no process has given the room a turn."""
    await redis.hset(RoomKeys.of(item).room, "last_ms", str(LONG_AGO_MS))


def packed(*ranks: int) -> bytes:
    """Ranks by index, from 0, as the gate takes them."""
    return b"".join(rank.to_bytes(4) for rank in ranks)
