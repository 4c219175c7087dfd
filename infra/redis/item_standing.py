"""How far an item is at the gate, by the clock that the gate goes by."""

from typing import NamedTuple

from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.keys import ItemKeys


class ItemStanding(NamedTuple):
    """`now_ms`: Redis' own time. `ends_at_ms`: None for an item it does not know. `waiting`:
    accepted orders that are not both placed and started, pending ones too; `dead`: those given up,
    which wait for a person; `held`: units reserved and not paid for."""

    now_ms: int
    ends_at_ms: int | None
    waiting: int
    dead: int
    held: int


async def standing_of(redis: Redis, item: ItemRef) -> ItemStanding:
    """Raises RedisError while Redis is away."""
    keys = ItemKeys.of(item)
    # One step, or an order that is accepted between two of them would be in neither answer.
    async with redis.pipeline(transaction=True) as moment:
        moment.time()
        moment.hmget(keys.item, "ends_at_ms", "held")
        moment.xlen(keys.intents)
        moment.xlen(keys.dead)
        (seconds, micros), (ends_at, held), waiting, dead = await moment.execute()
    return ItemStanding(
        now_ms=seconds * 1000 + micros // 1000,
        ends_at_ms=None if ends_at is None else int(ends_at),
        waiting=waiting,
        dead=dead,
        held=int(held or 0),
    )
