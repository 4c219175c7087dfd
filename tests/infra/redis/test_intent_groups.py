import asyncio
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from domain.ids import new_order_id
from infra.redis.intent_groups import ALIVE_MS, Group, IntentGroup
from infra.redis.keys import LIVE_STREAMS, alive_key
from infra.redis.live_streams import LiveStreams
from infra.redis.scripts import Scripts
from infra.redis.stock_gate import StockGate
from tests.support.gate import OTHER_ITEM, eventually, stream_of
from tests.support.intent_groups import (
    KEYS,
    SHORT_MS,
    accept,
    gone,
    orders_in,
    pending,
    placer,
    starter,
)
from tests.support.own_redis import OwnRedis

A, B, C, D = (new_order_id(1, 1_700_000_000_000 + n) for n in range(4))


class TestRead:
    async def test_each_group_is_given_every_entry_once(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A, B)
        await accept(gate, C, item=OTHER_ITEM)
        for group in (placer, starter):
            assert sorted(orders_in(await group(redis).read(10, 50))) == [A, B, C]
            assert await group(redis, "two").read(10, 10) == []

    async def test_takes_about_as_many_as_asked_for(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A, B, C)
        first = await placer(redis).read(2, 50)
        assert orders_in(first) == [A]
        assert orders_in(await placer(redis).read(4, 50)) == [B, C]

    async def test_waits_for_the_first(self, gate: StockGate, redis: Redis) -> None:
        reading = asyncio.create_task(placer(redis).read(10, 400))
        await asyncio.sleep(0.05)
        await accept(gate, A)
        assert orders_in(await reading) == [A]

    async def test_goes_on_after_redis_was_emptied(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A)
        reader = placer(redis)
        await reader.read(10, 50)
        await redis.flushall()
        assert await reader.take_over(10) == []
        await accept(gate, B)
        assert orders_in(await reader.read(10, 50)) == [B]

    async def test_goes_on_after_redis_was_killed(self, own_redis: OwnRedis) -> None:
        gate, reader = StockGate(own_redis.client), placer(own_redis.client)
        await accept(gate, A, B, C)
        [taken] = await reader.read(2, 50)
        await own_redis.kill()
        await own_redis.start()
        assert orders_in(await reader.read(4, 50)) == [B, C]
        await reader.finish([taken])
        assert await pending(own_redis.client, Group.PLACE) == 2

    async def test_reads_what_the_gate_lists_and_strikes_off_what_is_done(
        self, gate: StockGate, redis: Redis
    ) -> None:
        live = LiveStreams(redis, Scripts(redis))
        starting = IntentGroup(redis, live, Group.START, "one")
        reading = asyncio.create_task(starting.read(10, 2000))
        await accept(gate, A)
        await starting.finish(await reading)
        assert await live.all() == {}


class TestFinish:
    async def test_the_entry_goes_when_temporal_has_it(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A, B)
        placing, starting = placer(redis), starter(redis)
        to_place, to_start = await placing.read(10, 50), await starting.read(10, 50)
        await redis.sadd(LIVE_STREAMS, KEYS.intents)

        await placing.finish(to_place)
        assert len(await stream_of(redis, KEYS.intents)) == 2
        assert await redis.smembers(LIVE_STREAMS) == {KEYS.intents}
        for _ in range(2):
            await starting.finish(to_start)
        assert await stream_of(redis, KEYS.intents) == []
        assert await redis.smembers(LIVE_STREAMS) == set()
        assert [await pending(redis, group) for group in Group] == [0, 0]

    async def test_what_was_started_before_it_was_placed_leaves_nothing_behind(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A, B)
        placing, starting = placer(redis), starter(redis)
        to_place = await placing.read(10, 50)
        await starting.finish(await starting.read(10, 50))
        await placing.finish(to_place)
        assert [await pending(redis, group) for group in Group] == [0, 0]

    async def test_a_starter_may_be_first_of_all(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A)
        starting = starter(redis)
        await starting.finish(await starting.read(10, 50))
        assert await placer(redis).read(10, 10) == []


class TestTakeOver:
    async def test_who_lives_keeps_what_he_has(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A)
        holder = placer(redis)
        await holder.read(10, 50)
        life = asyncio.create_task(holder.stay_alive())
        for _ in range(4):
            await asyncio.sleep(SHORT_MS / 1000 / 2)
            assert await placer(redis, "two").take_over(10) == []
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        heir = placer(redis, "two")
        assert orders_in(await eventually(lambda: heir.take_over(10), bool)) == [A]

    async def test_within_three_seconds_of_a_death_another_has_it(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A, B)
        await placer(redis, alive_ms=ALIVE_MS).read(10, 50)
        # Its last breath is over that soon, by Redis' clock.
        assert 0 < await redis.pttl(alive_key(Group.PLACE, "one")) <= ALIVE_MS == 3_000
        heir = placer(redis, "two", ALIVE_MS)
        assert orders_in(await eventually(lambda: heir.take_over(10), bool)) == [A, B]

    async def test_each_entry_goes_to_one_of_two_who_see_the_death(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A, B, C, D)
        await placer(redis).read(20, 50)
        await gone(redis, Group.PLACE, "one")
        heirs = [placer(redis, f"heir {n}") for n in range(4)]
        taken = await asyncio.gather(*(heir.take_over(10) for heir in heirs))
        assert sorted(orders_in([one for some in taken for one in some])) == [A, B, C, D]

    async def test_dying_is_no_failure_of_the_entry(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A)
        first = placer(redis, "0")
        [entry] = await first.read(10, 50)
        await first.record_failure(entry)
        for n in range(1, 5):
            await gone(redis, Group.PLACE, str(n - 1))
            heir = placer(redis, str(n))
            [entry] = await heir.take_over(10)
            await heir.breathe()
            assert entry.failures == 1

    async def test_about_as_many_as_asked_for(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A, B)
        await accept(gate, C, D, item=OTHER_ITEM)
        await placer(redis).read(20, 50)
        await gone(redis, Group.PLACE, "one")
        heir = placer(redis, "two")
        taken = [len(await heir.take_over(3)) for _ in range(3)]
        assert taken == [3, 1, 0]

    async def test_what_temporal_has_meanwhile_is_left_out_and_forgotten(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A, B)
        await placer(redis).read(10, 50)
        starting = starter(redis)
        to_start = await starting.read(10, 50)
        await starting.finish(to_start[:1])
        await gone(redis, Group.PLACE, "one")
        assert orders_in(await placer(redis, "two").take_over(10)) == [B]
        assert await pending(redis, Group.PLACE) == 1

    async def test_one_group_does_not_inherit_from_the_other(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A)
        await placer(redis).read(10, 50)
        await starter(redis).read(10, 50)
        await gone(redis, Group.PLACE, "one")
        assert await starter(redis, "two").take_over(10) == []
        assert orders_in(await placer(redis, "two").take_over(10)) == [A]

    async def test_an_answer_that_was_lost_comes_again(self, gate: StockGate, redis: Redis) -> None:
        """Redis has given us an entry that we never saw, and we live."""
        await accept(gate, A)
        reader = placer(redis)
        await reader.read(1, 10)
        await accept(gate, B)
        await redis.xreadgroup(Group.PLACE, "one", {KEYS.intents: ">"})
        life = asyncio.create_task(reader.stay_alive())
        assert await reader.take_over(10) == []
        assert orders_in(await eventually(lambda: reader.take_over(10), bool)) == [B]
        assert await reader.take_over(10) == []
        life.cancel()

    async def test_what_is_in_hand_is_not_given_twice_however_long_it_takes(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A)
        reader = placer(redis)
        [entry] = await reader.read(10, 50)
        await asyncio.sleep(SHORT_MS / 1000 + 0.1)
        assert await reader.take_over(10) == []
        reader.let_go([entry])
        assert orders_in(await reader.take_over(10)) == [A]

    async def test_a_failure_is_counted_and_comes_again_after_a_while(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A)
        reader = placer(redis)
        [entry] = await reader.read(10, 50)
        for failures in (1, 2):
            await reader.record_failure(entry)
            assert await reader.take_over(10) == []
            [entry] = await eventually(lambda: reader.take_over(10), bool)
            assert entry.failures == failures

    async def test_what_failed_and_was_started_meanwhile_is_forgotten(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A)
        reader, starting = placer(redis), starter(redis)
        [entry] = await reader.read(10, 50)
        await reader.record_failure(entry)
        await starting.finish(await starting.read(10, 50))
        await asyncio.sleep(SHORT_MS / 1000 + 0.1)
        assert await reader.take_over(10) == []
        assert await pending(redis, Group.PLACE) == 0


class TestBury:
    async def test_both_groups_forget_it_and_the_dead_keep_it(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A)
        placing, starting = placer(redis), starter(redis)
        [entry] = await placing.read(10, 50)
        await starting.read(10, 50)
        await redis.sadd(LIVE_STREAMS, KEYS.intents)
        assert await placing.bury(entry, "nonsense") is True
        assert await placing.bury(entry, "nonsense") is False
        assert await stream_of(redis, KEYS.intents) == []
        [dead] = await stream_of(redis, KEYS.dead)
        assert (dead["order_id"], dead["error"]) == (A, "nonsense")
        assert [await pending(redis, group) for group in Group] == [0, 0]
        assert await redis.smembers(LIVE_STREAMS) == set()

    async def test_it_may_be_buried_before_any_starter_was_there(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A)
        placing = placer(redis)
        [entry] = await placing.read(10, 50)
        assert await placing.bury(entry, "nonsense") is True
        assert await starter(redis).read(10, 10) == []

    async def test_what_temporal_has_is_not_buried(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A)
        placing, starting = placer(redis), starter(redis)
        [entry] = await placing.read(10, 50)
        await starting.finish(await starting.read(10, 50))
        assert await placing.bury(entry, "nonsense") is False
        assert await stream_of(redis, KEYS.dead) == []

    async def test_who_starts_buries_nothing(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A)
        starting = starter(redis)
        [entry] = await starting.read(10, 50)
        with pytest.raises(ValueError, match="buries nothing"):
            await starting.bury(entry, "nonsense")


class TestLeave:
    async def test_what_is_left_may_be_taken_over_at_once(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await accept(gate, A)
        leaving = placer(redis, alive_ms=ALIVE_MS)
        await leaving.read(10, 50)
        await leaving.leave()
        assert orders_in(await placer(redis, "two").take_over(10)) == [A]

    async def test_who_has_nothing_left_is_forgotten(self, gate: StockGate, redis: Redis) -> None:
        await accept(gate, A)
        leaving = placer(redis)
        await leaving.finish(await leaving.read(10, 50))
        await leaving.leave()
        assert await redis.xinfo_consumers(KEYS.intents, Group.PLACE) == []
