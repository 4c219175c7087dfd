import asyncio
from typing import Any

from redis.asyncio import Redis

from infra.redis.item_snapshots import ItemSnapshots, snapshot_from, terms_fields
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, OTHER_ITEM, terms_of


def test_terms_are_read_as_they_are_written() -> None:
    terms = terms_of(number=1234, paused=True)
    flat = [str(part) for part in terms_fields(terms)]
    fields = {**dict(zip(flat[::2], flat[1::2], strict=True)), "stock": "5"}

    snapshot = snapshot_from(fields, ITEM)

    assert (snapshot.terms, snapshot.stock) == (terms, 5)


async def test_an_item_nobody_preheated_is_asked_for_once(redis: Redis) -> None:
    snapshots = ItemSnapshots(redis)
    await redis.config_resetstat()

    assert [await snapshots.of(OTHER_ITEM) for _ in range(3)] == [None] * 3
    assert (await redis.info("commandstats"))["cmdstat_hgetall"]["calls"] == 1


async def test_what_was_being_read_when_the_item_changed_is_not_shown_afterwards(
    redis: Redis, gate: StockGate
) -> None:
    await gate.preheat(terms_of(limit=1), 5)
    snapshots = ItemSnapshots(redis)
    before: asyncio.Task[Any] = asyncio.create_task(snapshots.of(ITEM))
    await asyncio.sleep(0)

    await gate.preheat(terms_of(limit=3), 5)
    snapshots.forget(ITEM)
    await before

    after = await snapshots.of(ITEM)
    assert after is not None
    assert after.terms.per_user_limit == 3
