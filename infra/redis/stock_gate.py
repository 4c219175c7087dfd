"""The stock gate: who holds how many units of which item, decided in Redis alone."""

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence

from redis.asyncio import Redis

from domain.ids import is_order_id, item_number_of
from domain.reservation import (
    GateAnswer,
    Intent,
    Reservation,
    ReservationState,
    ReserveRequest,
    StockReturn,
)
from domain.sale import ItemRef, ItemTerms
from infra.group_commit import Overloaded
from infra.redis.gate_batches import ReserveBatches
from infra.redis.gate_commands import GateCommands, Verdict, Written
from infra.redis.item_snapshots import MAX_REMEMBERED, STOCK, ItemSnapshots, terms_fields
from infra.redis.item_standing import ItemStanding, standing_of
from infra.redis.item_tally import ItemTally, tally_from
from infra.redis.keys import (
    DIRECTORY,
    LIVE_ROOMS,
    LIVE_STREAMS,
    ItemKeys,
    RoomKeys,
    directory_line,
    item_from_line,
)
from infra.redis.reservation_lines import (
    buyer_lines,
    parse_reservation,
    reservation_line,
)
from infra.redis.scripts import Scripts

__all__ = ["MAX_QUANTITY", "Overloaded", "StockGate"]

MAX_QUANTITY = 1_000_000
SCAN_COUNT = 500
STAGED_SECONDS = 600


class StockGate:
    """Every call may be repeated; raises `redis.exceptions.RedisError` when Redis is away."""

    def __init__(self, redis: Redis, *, queue_limit: int = 20_000) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._batches = ReserveBatches(redis, self._scripts.reserve, queue_limit)
        self._snapshots = ItemSnapshots(redis)
        self._item_numbers: dict[int, ItemRef] = {}
        self.commands = GateCommands(redis, self._scripts, self._snapshots.forget)

    async def reserve(self, request: ReserveRequest) -> GateAnswer:
        """Hold stock for an order, or say why not; keyed by order id.

        Raises Overloaded when too many wait, ValueError for a quantity that is none.
        """
        if not 0 < request.quantity <= MAX_QUANTITY:
            raise ValueError(f"no quantity to reserve: {request.quantity}")
        return await self._batches.reserve(request)

    async def release(
        self, item: ItemRef, order_id: str, how: StockReturn = StockReturn.RELEASE
    ) -> ReservationState | None:
        """held -> free, or what `how` says. Answers the state the reservation is in afterwards:
        what is sold stays so unless it is to be restocked.

        None: the order was unknown, and is now marked released so that a reserve still on its way
        cannot hold stock.
        """
        keys = ItemKeys.of(item)
        return_stock = how is not StockReturn.DROP
        even_sold = how is StockReturn.RESTOCK
        for_good = how is StockReturn.UNDO_RECLAIM
        state = await self._scripts.release(
            [keys.item, keys.buyers, keys.reservations, keys.past],
            [order_id, int(return_stock), int(even_sold), int(for_good)],
        )
        return ReservationState(state) if state else None

    async def reclaim(self, reservation: Intent) -> bool:
        """released -> held, if the item has the stock and the buyer's limit allows it; the sale's
        window does not matter. True if the order holds or owns its stock afterwards."""
        keys = ItemKeys.of(reservation.item)
        state = await self._scripts.reclaim(
            [keys.item, keys.buyers, keys.reservations],
            [reservation.order_id, reservation.user_id, reservation.quantity],
        )
        return state in (ReservationState.HELD, ReservationState.SOLD)

    async def sell(self, reservation: Intent) -> ReservationState | None:
        """held -> sold. A reservation Redis has lost is written as sold, its stock taken as far
        as there is any; a released one stays released. None for an unknown item."""
        keys = ItemKeys.of(reservation.item)
        state = await self._scripts.sell(
            [keys.item, keys.buyers, keys.reservations],
            [reservation.order_id, reservation.user_id, reservation.quantity],
        )
        return ReservationState(state) if state else None

    async def hold(self, reservation: Intent) -> int | None:
        """Hold the stock of an order that stands in Postgres and waits to be paid: what Redis has
        lost, or given back, is written again. Answers how many of its units were not to be had,
        because others were granted them: those it does not hold. None for an unknown item."""
        keys = ItemKeys.of(reservation.item)
        missing = await self._scripts.hold(
            [keys.item, keys.buyers, keys.reservations],
            [reservation.order_id, reservation.user_id, reservation.quantity],
        )
        return None if missing is None else int(missing)

    async def preheat(self, terms: ItemTerms, stock: int, total: int | None = None) -> None:
        """Make an item known with its stock; again, change its terms and never its stock."""
        _require_stock(stock)
        # The directory first: an intent must never lie in a stream that nobody reads.
        await self._redis.hset(DIRECTORY, str(terms.item_number), directory_line(terms.ref))
        await self.commands.write(terms, total=total, new_stock=stock)

    async def terms(self, item: ItemRef) -> ItemTerms | None:
        """At most a second old."""
        snapshot = await self._snapshots.of(item)
        return snapshot.terms if snapshot else None

    async def remaining(self, item: ItemRef) -> int | None:
        """Units left, at most a second old."""
        snapshot = await self._snapshots.of(item)
        return snapshot.stock if snapshot else None

    async def item_of(self, order_id: str) -> ItemRef | None:
        """The item an order is for, by the number in its id. None for what is no order id."""
        if not is_order_id(order_id):
            return None
        number = item_number_of(order_id)
        if number not in self._item_numbers:
            line = await self._redis.hget(DIRECTORY, str(number))
            if line is None:
                return None
            if len(self._item_numbers) >= MAX_REMEMBERED:
                self._item_numbers.clear()
            self._item_numbers[number] = item_from_line(str(line))
        return self._item_numbers[number]

    async def listed(self, item_number: int) -> ItemRef | None:
        """The directory's line of this number as it is now; `item_of` may remember an older one."""
        line = await self._redis.hget(DIRECTORY, str(item_number))
        return None if line is None else item_from_line(str(line))

    async def items(self) -> dict[int, ItemRef]:
        """What the directory lists, by number: preheated and not retired."""
        lines = await self._redis.hgetall(DIRECTORY)
        return {int(number): item_from_line(str(line)) for number, line in lines.items()}

    async def is_awaited(self, item: ItemRef) -> bool:
        """Whether an accepted order of it waits to be started, or was given up and waits for a
        person."""
        keys = ItemKeys.of(item)
        lengths = self._redis.pipeline(transaction=False)
        lengths.xlen(keys.intents)
        lengths.xlen(keys.dead)
        return any(await lengths.execute())

    async def standing(self, item: ItemRef) -> ItemStanding:
        """How far it is, of one moment."""
        return await standing_of(self._redis, item)

    async def retire(self, item_number: int, item: ItemRef) -> bool:
        """Forget an item for good. False while its window is open or something waits in its
        streams; what is reserved does not count, for Postgres has it."""
        keys = ItemKeys.of(item)
        books = [keys.item, keys.buyers, keys.reservations, keys.requests, keys.past]
        room = RoomKeys.of(item)
        of_the_room = (room.room, room.tickets, room.numbers, room.passes, room.calls, room.places)
        streams = (keys.intents, keys.dead, LIVE_STREAMS)
        gone = await self._scripts.retire(
            [*books, *streams, DIRECTORY, room.joins, LIVE_ROOMS, *of_the_room],
            [str(item_number), directory_line(item)],
        )
        self._snapshots.forget(item)
        self._item_numbers.pop(item_number, None)
        return bool(gone)

    async def reservation(self, item: ItemRef, order_id: str) -> Reservation | None:
        line = await self._redis.hget(ItemKeys.of(item).reservations, order_id)
        return None if line is None else parse_reservation(order_id, str(line))

    async def reservations_of(
        self, item: ItemRef, order_ids: Sequence[str]
    ) -> dict[str, Reservation]:
        """Those of the orders that have a reservation, read at one moment."""
        if not order_ids:
            return {}
        lines = await self._redis.hmget(ItemKeys.of(item).reservations, list(order_ids))
        return {
            order_id: parse_reservation(order_id, str(line))
            for order_id, line in zip(order_ids, lines, strict=True)
            if line is not None
        }

    async def tally(self, item: ItemRef) -> ItemTally:
        """Stock, buyers and reservations of one moment, for the audit. Redis serves nobody else
        while it copies them out, which takes about 20 ms for 100,000 reservations."""
        keys = ItemKeys.of(item)
        async with self._redis.pipeline(transaction=True) as snapshot:
            # Inside a pipeline these only queue the command; there is nothing to await.
            snapshot.execute_command("HGETALL", keys.item)
            snapshot.execute_command("HVALS", keys.reservations)
            snapshot.execute_command("HGETALL", keys.buyers)
            fields, lines, buyers = await snapshot.execute()
        stock = fields.pop(STOCK, None)
        return tally_from(stock, lines, buyers, fields)

    async def reservations(self, item: ItemRef) -> AsyncIterator[Reservation]:
        """All of them, released ones too, in no order; one may come twice while others change."""
        key = ItemKeys.of(item).reservations
        async for order_id, line in self._redis.hscan_iter(key, count=SCAN_COUNT):
            yield parse_reservation(order_id, line)

    async def rebuild(
        self,
        terms: ItemTerms,
        stock: int,
        reservations: Iterable[Reservation],
        *,
        repair: str | None = None,
        settled: str = "",
    ) -> Written:
        """Replace stock, terms, buyers and reservations at once; requests and intents stay.

        What is reserved between reading `reservations` and this call is forgotten: begin the
        `repair` before. `settled`: as in `GateCommands.write`.
        """
        _require_stock(stock)
        kept = tuple(reservations)
        keys = ItemKeys.of(terms.ref)
        repair = repair or await self.commands.begin_repair(terms.ref)
        # A name of its own for each try: what an earlier one staged is not to be adopted.
        token = secrets.token_hex(8)
        staged = [f"{key}:staged:{token}" for key in (keys.buyers, keys.reservations)]
        await self._stage(staged[0], buyer_lines(kept))
        await self._stage(staged[1], {line.order_id: reservation_line(line) for line in kept})
        await self._redis.hset(DIRECTORY, str(terms.item_number), directory_line(terms.ref))
        held = sum(line.quantity for line in kept if line.state is ReservationState.HELD)
        live = sum(line.quantity for line in kept if line.state is not ReservationState.RELEASED)
        verdict, number = await self._scripts.rebuild(
            [keys.item, keys.buyers, keys.reservations, *staged, keys.intents, LIVE_STREAMS],
            [repair, settled, terms.version, stock + live, stock, held, *terms_fields(terms)],
        )
        await self.commands.make_live(terms)
        self._snapshots.forget(terms.ref)
        return Written(Verdict(verdict), int(number))

    async def _stage(self, key: str, lines: dict[str, str]) -> None:
        entries = list(lines.items())
        for start in range(0, len(entries), SCAN_COUNT):
            await self._redis.hset(key, mapping=dict(entries[start : start + SCAN_COUNT]))
            await self._redis.expire(key, STAGED_SECONDS)


def _require_stock(stock: int) -> None:
    if stock < 0:
        raise ValueError(f"stock cannot be negative: {stock}")
