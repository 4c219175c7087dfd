"""How long accepted orders wait for their workflow, by what was started when last all was well."""

import itertools

from redis.asyncio import Redis

from infra.redis.backlog import ASSUMED_PER_SECOND, LEAST_ENTRIES, Backlog
from infra.redis.keys import HEALTHY_RATE, LIVE_STREAMS, STARTED, ItemKeys
from tests.support.gate import ITEM, OTHER_ITEM

STREAM = ItemKeys.of(ITEM).intents


async def wait_in_line(redis: Redis, count: int) -> None:
    pipeline = redis.pipeline(transaction=False)
    for _ in range(count):
        pipeline.xadd(STREAM, {"order_id": "x"})
    await pipeline.execute()
    await redis.sadd(LIVE_STREAMS, STREAM)


async def test_few_are_no_backlog_however_slow_it_goes(redis: Redis) -> None:
    await wait_in_line(redis, LEAST_ENTRIES)
    await redis.set(HEALTHY_RATE, "0.1")

    assert await Backlog(redis).seconds_to_go() == 0.0


async def test_before_anything_was_started_a_small_machine_is_assumed(redis: Redis) -> None:
    await wait_in_line(redis, 3_000)

    assert await Backlog(redis).seconds_to_go() == 3_000 / ASSUMED_PER_SECOND


async def test_it_is_as_deep_and_as_old_as_what_waits_in_all_streams(redis: Redis) -> None:
    assert await Backlog(redis).depth() == (0, 0.0)
    await wait_in_line(redis, 2)
    seconds, _ = await redis.time()
    other = ItemKeys.of(OTHER_ITEM).intents
    await redis.xadd(other, {"order_id": "x"}, id=f"{(seconds - 100) * 1000}-0")
    await redis.sadd(LIVE_STREAMS, other)

    depth = await Backlog(redis).depth()

    assert depth.waiting == 3
    assert depth.oldest_seconds >= 100


async def test_what_is_slow_while_everybody_clicks_is_believed_by_and_by(redis: Redis) -> None:
    await wait_in_line(redis, 3_000)
    seconds = itertools.count(1.0)
    watching = Backlog(redis, clock=lambda: next(seconds))
    await redis.set(HEALTHY_RATE, "100")
    rates = []
    for started in range(0, 2_000, 10):
        await redis.set(STARTED, started)
        rates.append((await watching._look())[1])

    assert rates[0] == 100
    assert rates[10] > 80
    assert rates[-1] < 15
    # As fast as it goes again, it goes.
    await redis.set(STARTED, 2_090)
    assert (await watching._look())[1] == 100


async def test_an_outage_does_not_look_like_a_slow_server(redis: Redis) -> None:
    await wait_in_line(redis, 3_000)
    seconds = itertools.count(1.0)
    watching = Backlog(redis, clock=lambda: next(seconds))
    await watching._look()
    await redis.set(STARTED, "100")
    await watching._look()
    for _ in range(2):
        # Nothing is started any more.
        assert await watching._look() == (3_000, 100.0)

    # Whoever comes in the middle of it knows as well.
    assert await Backlog(redis).seconds_to_go() == 30.0
