"""A room with everybody in it, straight against the gate: no HTTP, one Redis, this process."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast

from redis.asyncio import Redis

from bench.opening.people import People
from domain.draw import leaf_of, new_nonce, places_in
from domain.ids import new_order_id
from domain.reservation import GateVerdict, Intent, ReserveRequest
from domain.room import PlaceReport, RoomVerdict
from domain.sale import Admission, ItemRef, ItemTerms
from infra.redis.keys import RoomKeys
from infra.redis.room_gate import FixedPool, RoomGate
from infra.redis.stock_gate import StockGate

IN_FLIGHT = 256
# The control of a room takes no two turns within less.
TURN_SECONDS = 0.06
STARTED_MS, NOT_STARTED_MS, ENDS_MS = 1_000, 4_000_000_000_000, 4_000_000_000_001
RANK_BYTES = 4


class SimulatedRoom:
    """One item's. Each identity is a number, and does what its clicks say; whoever is called comes
    at once, and orders. `wrong`: what no buyer may ever see, a line each."""

    def __init__(self, redis: Redis, admission: Admission, people: People, units: int) -> None:
        self.item = ItemRef(sale_id="OPENING", sku_id=admission.value)
        self.people = people
        self.units = units
        self.indexes: dict[int, int] = {}
        self.served: list[int] = []
        self.wrong: list[str] = []
        self._redis = redis
        self._gate = StockGate(redis)
        self._rooms = RoomGate(redis)
        self._terms = ItemTerms(
            item_number=1,
            sale_id=self.item.sale_id,
            sku_id=self.item.sku_id,
            starts_at_ms=NOT_STARTED_MS,
            ends_at_ms=ENDS_MS,
            per_user_limit=1,
            paused=False,
            requires_entry_token=True,
            drawn=admission is Admission.DRAW,
            room_opens_at_ms=STARTED_MS,
        )

    async def open_(self) -> None:
        await self._gate.preheat(self._terms, self.units)

    async def start(self) -> None:
        """A draw's pool ends, and from now on people are called."""
        started = self._terms.model_copy(update={"starts_at_ms": STARTED_MS})
        await self._gate.preheat(started, self.units)

    async def joined_by(self, clicks: Iterable[int]) -> list[float]:
        """How long each click took, in seconds."""
        seconds: list[float] = []

        async def click(number: int) -> None:
            user_id, nonce, began = str(number), new_nonce(), time.perf_counter()
            leaf = leaf_of(self.item.sale_id, self.item.sku_id, user_id, nonce)
            report = await self._rooms.join(self.item, user_id, 1, leaf=leaf, nonce=nonce)
            seconds.append(time.perf_counter() - began)
            ticket = report.ticket
            index = ticket.index if ticket else None
            if index is None or self.indexes.setdefault(number, index) != index:
                self.wrong.append(f"{user_id} was answered {report.verdict} with index {index}")

        await each(clicks, click)
        return seconds

    async def pool(self) -> FixedPool:
        """Of a draw that has started."""
        pool = await self._rooms.fix_pool(self.item)
        if pool is None:
            raise RuntimeError("the pool did not end with the start")
        return pool

    async def fix_places(self, digest: bytes, packed: bytes) -> None:
        await self._rooms.fix_places(self.item, digest.hex(), packed)

    async def places(self) -> list[int | None]:
        """By index, as the gate goes by them."""
        key, last = RoomKeys.of(self.item).places, RANK_BYTES * len(self.indexes) - 1
        async with _bytes_of(self._redis) as redis:
            return places_in(cast(bytes, await redis.getrange(key, 0, last)))

    async def serve(self) -> None:
        """Until all units are somebody's for good."""
        serving = 0
        while len(self.served) < self.units:
            await asyncio.sleep(TURN_SECONDS)
            called = await self._turn()
            serving = await self._in_order(called, serving)
            await each(called, self._order)
            if not called:
                raise RuntimeError(f"{len(self.served)} of {self.units} served, nobody called")
        await asyncio.sleep(TURN_SECONDS)
        await self._turn()

    async def ask(self, number: int) -> PlaceReport:
        """For a pass."""
        order_id = new_order_id(1, time.time_ns() // 1_000_000)
        return await self._rooms.enter(self.item, str(number), order_id)

    async def _turn(self) -> list[int]:
        """Who is called."""
        (turned,) = await self._rooms.turn([self.item])
        if isinstance(turned, Exception):
            raise turned
        return [int(user) for user in turned.called]

    async def _in_order(self, called: list[int], serving: int) -> int:
        for number in called:
            report = await self._rooms.look(self.item, str(number))
            if report.place is None or report.place <= serving:
                self.wrong.append(f"{number} was called as {report.place} after {serving}")
            serving = report.place or serving
        return serving

    async def _order(self, number: int) -> None:
        entered = await self.ask(number)
        if entered.verdict is not RoomVerdict.PASS or entered.ticket is None:
            self.wrong.append(f"{number} was called, and told {entered.verdict}")
            return
        order_id = entered.ticket.order_id
        request = ReserveRequest(
            item=self.item, order_id=order_id, user_id=str(number), quantity=1,
            idempotency_key="", announce=False, pass_units=entered.ticket.units,
        )  # fmt: skip
        reserved = await self._gate.reserve(request)
        if reserved.verdict is not GateVerdict.RESERVED:
            self.wrong.append(f"{number} has a pass, and was told {reserved.verdict}")
            return
        named = self.item.model_dump()
        await self._gate.sell(Intent(order_id=order_id, user_id=str(number), quantity=1, **named))
        self.served.append(number)


async def each(numbers: Iterable[int], do: Callable[[int], Awaitable[None]]) -> None:
    """In this order, so many at once."""
    waiting = iter(numbers)

    async def take() -> None:
        for number in waiting:
            await do(number)

    await asyncio.gather(*(take() for _ in range(IN_FLIGHT)))


@asynccontextmanager
async def _bytes_of(redis: Redis) -> AsyncIterator[Redis]:
    """The same server, whose answers are no text."""
    told = redis.connection_pool.connection_kwargs
    client = Redis(host=told["host"], port=told["port"], db=told["db"])
    try:
        yield client
    finally:
        await client.aclose()
