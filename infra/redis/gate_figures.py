"""How items stand at the gate right now, in so many commands an item however much is sold."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from domain.reservation import ReservationState
from domain.sale import ItemRef
from infra.redis.item_snapshots import STOCK
from infra.redis.keys import ItemKeys, RoomKeys
from infra.redis.reservation_lines import parse_reservation

# More of them are not read through each second: Redis and this process have buyers to serve.
COUNTED_AT_MOST = 2_000
_COMMANDS = 6


class RoomNow(NamedTuple):
    """`given`: places given out so far; `serving`: called up to there; `waiting`: units."""

    given: int
    serving: int
    waiting: int
    is_over: bool


class GateItem(NamedTuple):
    """`total`: None where an earlier release wrote it down. `held` and `sold` in units, None where
    there are too many orders to count. `intents`: accepted orders that wait for their workflow, the
    first for `oldest_seconds`; `dead`: those that cannot be started."""

    stock: int
    total: int | None
    paused: bool
    held: int | None
    sold: int | None
    intents: int
    oldest_seconds: float
    dead: int
    room: RoomNow | None


async def gate_figures(redis: Redis, items: Sequence[ItemRef]) -> Mapping[str, GateItem | None]:
    """By SKU; None for an item Redis does not know. Raises `redis.exceptions.RedisError`."""
    asked = redis.pipeline(transaction=False)
    for item in items:
        _ask(asked, item)
    asked.time()
    *answers, (seconds, micros) = await asked.execute()
    now_ms = seconds * 1000 + micros // 1000
    of_items = [answers[at : at + _COMMANDS] for at in range(0, len(answers), _COMMANDS)]
    few = [item for item, said in zip(items, of_items, strict=True) if said[1] <= COUNTED_AT_MOST]
    units = await _units(redis, few)
    return {
        item.sku_id: _figures(said, units.get(item.sku_id), now_ms)
        for item, said in zip(items, of_items, strict=True)
    }


def _ask(pipeline: Any, item: ItemRef) -> None:
    keys, room = ItemKeys.of(item), RoomKeys.of(item)
    pipeline.hmget(keys.item, [STOCK, "total", "paused", "tickets"])
    pipeline.hlen(keys.reservations)
    pipeline.xlen(keys.intents)
    pipeline.xrange(keys.intents, count=1)
    pipeline.xlen(keys.dead)
    pipeline.hmget(room.room, ["next", "serving", "over"])


async def _units(redis: Redis, items: Sequence[ItemRef]) -> dict[str, Counter[ReservationState]]:
    asked = redis.pipeline(transaction=False)
    for item in items:
        asked.hvals(ItemKeys.of(item).reservations)
    answers = await asked.execute() if items else []
    return {item.sku_id: _counted(lines) for item, lines in zip(items, answers, strict=True)}


def _counted(lines: Iterable[str]) -> Counter[ReservationState]:
    units: Counter[ReservationState] = Counter()
    for line in lines:
        reservation = parse_reservation("", line)
        units[reservation.state] += reservation.quantity
    return units


def _figures(
    said: list[Any], units: Counter[ReservationState] | None, now_ms: int
) -> GateItem | None:
    (stock, total, paused, waiting), _, intents, first, dead, (given, serving, over) = said
    if stock is None:
        return None
    oldest_ms = int(first[0][0].partition("-")[0]) if first else now_ms
    room = None
    if given is not None:
        room = RoomNow(int(given), int(serving or 0), int(waiting or 0), is_over=over == "1")
    return GateItem(
        stock=int(stock),
        total=None if total is None else int(total),
        paused=paused == "1",
        held=None if units is None else units[ReservationState.HELD],
        sold=None if units is None else units[ReservationState.SOLD],
        intents=intents,
        oldest_seconds=max(now_ms - oldest_ms, 0) / 1000,
        dead=dead,
        room=room,
    )
