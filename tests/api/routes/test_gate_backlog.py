"""Nobody is accepted whose order could not be watched over in time."""

import pytest

from api.app import create_app
from infra.redis.backlog import LEAST_ENTRIES
from infra.redis.keys import HEALTHY_RATE, LIVE_STREAMS, ItemKeys
from infra.settings import Settings
from tests.support.buyers import assert_problem, click
from tests.support.callers import ADA, BOB, served
from tests.support.shop import Shop


async def let_orders_wait(shop: Shop, share_of_half: float) -> None:
    """So many that they would take this share of half the time to pay."""
    waiting = LEAST_ENTRIES + 1
    pipeline = shop.redis.pipeline(transaction=False)
    for _ in range(waiting):
        pipeline.xadd(ItemKeys.of(shop.item.ref).intents, {"order_id": "x"})
    pipeline.sadd(LIVE_STREAMS, ItemKeys.of(shop.item.ref).intents)
    pipeline.set(HEALTHY_RATE, waiting / (shop.sale.pay_window_seconds / 2 * share_of_half))
    await pipeline.execute()


@pytest.mark.parametrize(("share_of_half", "status"), [(0.9, 202), (1.1, 503)])
async def test_a_backlog_that_outlasts_half_the_time_to_pay_asks_to_come_back(
    settings: Settings, shop: Shop, share_of_half: float, status: int
) -> None:
    await let_orders_wait(shop, share_of_half)

    async with served(create_app(settings)) as api:
        answer = await click(api, shop)

    assert answer.status_code == status, answer.text
    if status == 503:
        assert_problem(answer, 503, "OVERLOADED")


async def test_whoever_has_his_answer_gets_it_again_meanwhile(
    settings: Settings, shop: Shop
) -> None:
    again = {**ADA, "Idempotency-Key": "once"}
    async with served(create_app(settings)) as api:
        first = await click(api, shop, again)
    await let_orders_wait(shop, 1.1)

    # Another process, so that no look at what waits is remembered.
    async with served(create_app(settings)) as api:
        repeated = await click(api, shop, again)
        assert_problem(await click(api, shop, BOB), 503, "OVERLOADED")

    assert (repeated.status_code, repeated.json()) == (202, first.json())
    assert (await shop.counts())[3] == 4
