"""Nobody is accepted whose order could not be watched over in time."""

import pytest

from api.app import create_app
from infra.redis.backlog import LEAST_ENTRIES
from infra.redis.keys import HEALTHY_RATE, LIVE_STREAMS, ItemKeys
from infra.settings import Settings
from tests.support.buyers import assert_problem, click
from tests.support.callers import served
from tests.support.shop import Shop


@pytest.mark.parametrize(("share_of_half", "status"), [(0.9, 202), (1.1, 503)])
async def test_a_backlog_that_outlasts_half_the_time_to_pay_asks_to_come_back(
    settings: Settings, shop: Shop, share_of_half: float, status: int
) -> None:
    waiting = LEAST_ENTRIES + 1
    pipeline = shop.redis.pipeline(transaction=False)
    for _ in range(waiting):
        pipeline.xadd(ItemKeys.of(shop.item.ref).intents, {"order_id": "x"})
    pipeline.sadd(LIVE_STREAMS, ItemKeys.of(shop.item.ref).intents)
    pipeline.set(HEALTHY_RATE, waiting / (shop.sale.pay_window_seconds / 2 * share_of_half))
    await pipeline.execute()

    async with served(create_app(settings)) as api:
        answer = await click(api, shop)

    assert answer.status_code == status, answer.text
    if status == 503:
        assert_problem(answer, 503, "OVERLOADED")
