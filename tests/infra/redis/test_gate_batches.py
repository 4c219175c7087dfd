import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from domain.reservation import GateAnswer, GateVerdict
from infra.redis.gate_batches import MAX_BATCH, MAX_FLIGHTS
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import Overloaded, StockGate
from tests.support.gate import ITEM, OTHER_ITEM, request_for, stock_left, terms_of
from tests.support.own_redis import OwnRedis


async def script_calls(redis: Redis) -> int:
    statistics: dict[str, Any] = await redis.info("commandstats")
    calls: int = statistics["cmdstat_evalsha"]["calls"]
    return calls


async def test_requests_of_one_moment_are_one_script_call_per_item(
    gate: StockGate, redis: Redis
) -> None:
    await gate.preheat(terms_of(ITEM, number=1), 100)
    await gate.preheat(terms_of(OTHER_ITEM, number=2), 100)
    await gate.reserve(request_for("warm"))
    await redis.config_resetstat()
    answers = await asyncio.gather(
        *(
            gate.reserve(request_for(f"O{n}", f"user-{n}", item=(ITEM, OTHER_ITEM)[n % 2]))
            for n in range(60)
        )
    )
    assert [answer.order_id for answer in answers] == [f"O{n}" for n in range(60)]
    assert await script_calls(redis) == 2
    assert (await stock_left(gate), await stock_left(gate, OTHER_ITEM)) == (69, 70)


async def test_more_requests_than_all_flights_hold_are_all_answered(gate: StockGate) -> None:
    crowd = MAX_BATCH * (MAX_FLIGHTS + 2) + 17
    await gate.preheat(terms_of(), crowd)
    answers = await asyncio.gather(
        *(gate.reserve(request_for(f"O{n}", f"user-{n}")) for n in range(crowd))
    )
    assert [answer.order_id for answer in answers] == [f"O{n}" for n in range(crowd)]
    assert await stock_left(gate) == 0


async def test_leaving_before_departure_withdraws_only_the_one_who_leaves(
    gate: StockGate,
) -> None:
    await gate.preheat(terms_of(), 100)
    callers = [
        asyncio.ensure_future(gate.reserve(request_for(f"O{n}", f"user-{n}"))) for n in range(9)
    ]
    await asyncio.sleep(0)
    callers[4].cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers.pop(4), asyncio.CancelledError)
    assert {answer.verdict for answer in answers if isinstance(answer, GateAnswer)} == {
        GateVerdict.RESERVED
    }
    assert len(answers) == 8
    assert await gate.reservation(ITEM, "O4") is None
    assert await stock_left(gate) == 92


async def test_leaving_in_flight_harms_nobody_else(gate: StockGate) -> None:
    await gate.preheat(terms_of(), 100)
    callers = [
        asyncio.ensure_future(gate.reserve(request_for(f"O{n}", f"user-{n}"))) for n in range(9)
    ]
    for _ in range(3):
        await asyncio.sleep(0)
    callers[4].cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    reserved = [answer for answer in answers if isinstance(answer, GateAnswer)]
    assert [answer.verdict for answer in reserved] == [GateVerdict.RESERVED] * 8
    assert len([line async for line in gate.reservations(ITEM)]) == 9


async def test_more_waiting_requests_than_allowed_are_refused_at_once(redis: Redis) -> None:
    gate = StockGate(redis, queue_limit=10)
    await gate.preheat(terms_of(), 100)
    answers = await asyncio.gather(
        *(gate.reserve(request_for(f"O{n}", f"user-{n}")) for n in range(15)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [GateAnswer] * 10 + [Overloaded] * 5
    assert await stock_left(gate) == 90
    assert (await gate.reserve(request_for("later", "zoe"))).verdict is GateVerdict.RESERVED


async def test_a_server_that_forgot_the_scripts_learns_them_again(
    gate: StockGate, redis: Redis
) -> None:
    await gate.preheat(terms_of(ITEM, number=1), 100)
    await gate.preheat(terms_of(OTHER_ITEM, number=2), 100)
    await redis.script_flush()
    answers = await asyncio.gather(
        gate.reserve(request_for("A")), gate.reserve(request_for("B", item=OTHER_ITEM))
    )
    assert [answer.verdict for answer in answers] == [GateVerdict.RESERVED] * 2
    await redis.script_flush()
    await gate.release(ITEM, "A")
    assert await stock_left(gate) == 100


async def test_trouble_with_one_item_stays_with_that_item(gate: StockGate, redis: Redis) -> None:
    await gate.preheat(terms_of(ITEM), 100)
    await redis.set(ItemKeys.of(OTHER_ITEM).item, "not a hash")
    good, *bad = await asyncio.gather(
        gate.reserve(request_for("A")),
        gate.reserve(request_for("B", item=OTHER_ITEM)),
        gate.reserve(request_for("C", item=OTHER_ITEM)),
        return_exceptions=True,
    )
    assert good == GateAnswer(verdict=GateVerdict.RESERVED, order_id="A")
    assert [type(error) for error in bad] == [ResponseError, ResponseError]
    assert await redis.exists(ItemKeys.of(OTHER_ITEM).reservations) == 0


class TestAwayAndBack:
    async def test_every_waiter_hears_that_redis_is_away(self, own_redis: OwnRedis) -> None:
        gate = StockGate(own_redis.client)
        await gate.preheat(terms_of(), 100)
        await own_redis.kill()
        answers = await asyncio.gather(
            *(gate.reserve(request_for(f"O{n}", f"user-{n}")) for n in range(20)),
            return_exceptions=True,
        )
        assert all(isinstance(answer, RedisError) for answer in answers)

    async def test_a_killed_redis_comes_back_with_every_reservation(
        self, own_redis: OwnRedis
    ) -> None:
        gate = StockGate(own_redis.client)
        await gate.preheat(terms_of(), 100)
        await asyncio.gather(*(gate.reserve(request_for(f"O{n}", f"user-{n}")) for n in range(20)))
        await own_redis.kill()
        await own_redis.start()
        again = await asyncio.gather(
            *(gate.reserve(request_for(f"O{n}", f"user-{n}")) for n in range(30))
        )
        assert [answer.order_id for answer in again] == [f"O{n}" for n in range(30)]
        assert await stock_left(gate) == 70
