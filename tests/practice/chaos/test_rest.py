"""What is at rest, by what the stores say."""

import time
from collections import Counter

import pytest
from redis.asyncio import Redis

from infra.postgres.engine import Database
from infra.redis.keys import LIVE_STREAMS, ItemKeys
from practice.chaos.rest import Rest
from tests.support.gate import ITEM

NOW = time.time()
AT_ONCE = 0.0
ORDER = """
INSERT INTO orders (order_id, sale_id, sku_id, user_id, quantity, amount, currency, status,
                    pay_deadline)
VALUES ('01J0000000000000000000RST1', 's', 'k', 'u', 1, 1, 'CNY', 'pending_payment',
        now() - interval '1 hour')
"""
DELIVERY = """
INSERT INTO deliveries (order_id, kind, status, created_at)
VALUES ('01J0000000000000000000RST1', 'points', 'pending', now() - interval '1 hour')
"""


class Stack:
    """Of one part, which answers from the second time on."""

    names = ("api",)

    def __init__(self, postgres: str, redis: str) -> None:
        self._addresses = {"postgres": postgres, "redis": redis}
        self.asked: Counter[str] = Counter()

    def address(self, name: str) -> str:
        return self._addresses[name]

    async def answers(self, name: str) -> bool:
        self.asked[name] += 1
        return self.asked[name] > 1


@pytest.fixture
def stack(database: Database, redis: Redis, postgres_dsn: str, redis_url: str) -> Stack:
    return Stack(postgres_dsn, redis_url)


async def test_who_does_not_answer_is_asked_until_he_does_and_no_more(stack: Stack) -> None:
    async with Rest(stack) as rest:
        rested = await rest.until(NOW, time.time() + 60)

    assert rested.unrest == ()
    assert rested.last == ("api does not answer",)
    assert stack.asked["api"] == 2


async def test_what_was_due_when_the_fault_ended_is_waited_for_and_nothing_later(
    stack: Stack, database: Database, redis: Redis
) -> None:
    keys = ItemKeys.of(ITEM)
    await redis.xadd(keys.intents, {"order_id": "o"}, id=f"{int((NOW - 3600) * 1000)}-0")
    await redis.sadd(LIVE_STREAMS, keys.intents)
    async with database.transaction() as connection:
        for row in (ORDER, DELIVERY):
            await connection.exec_driver_sql(row)

    async with Rest(stack) as rest:
        await rest.until(AT_ONCE, AT_ONCE)
        after = await rest.until(NOW + 1, AT_ONCE)
        before = await rest.until(NOW - 7200, AT_ONCE)

        assert after.unrest == ("queued", "1 overdue", "1 deliveries")
        assert before.unrest == ()
        assert await rest.orders() == 1
