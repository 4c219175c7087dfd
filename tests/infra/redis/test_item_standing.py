"""How far an item is at the gate."""

from redis.asyncio import Redis

from infra.redis.item_standing import ItemStanding, standing_of
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, request_for, terms_of


async def test_what_is_accepted_waits_and_is_held(redis: Redis) -> None:
    gate = StockGate(redis)
    await gate.preheat(terms_of(ITEM), 5)
    await gate.reserve(request_for("one", "ada"))
    await redis.xadd(ItemKeys.of(ITEM).dead, {"entry_id": "1-1"})

    standing = await standing_of(redis, ITEM)

    assert (standing.waiting, standing.dead, standing.held) == (1, 1, 1)
    assert standing.ends_at_ms == terms_of(ITEM).ends_at_ms
    seconds, _ = await redis.time()
    assert abs(standing.now_ms // 1000 - seconds) <= 1


async def test_an_item_nobody_knows_tells_the_time_all_the_same(redis: Redis) -> None:
    standing = await standing_of(redis, ITEM)

    assert standing == ItemStanding(standing.now_ms, None, 0, 0, 0)
    assert standing.now_ms > 0
