"""A large sale is cancelled, on a Temporal that skips: `SALE_ORDERS=2000` for one by hand."""

import asyncio
import os
import time
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from infra.postgres.engine import Database
from tests.support.cancelling import cancel_sale, is_undone, progress_of, told_of_money
from tests.support.shop import PRICE, Shop
from tests.support.skipping import skip_until
from tests.support.whole_sales import an_order, audit, fulfilled, open_whole_sale

ORDERS = int(os.environ.get("SALE_ORDERS", "200"))


async def _bought(shop: Shop, user_id: str, few: asyncio.Semaphore) -> None:
    async with few:
        order = await an_order(shop, user_id)
        await shop.pay(order)
        await fulfilled(shop, order)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_large_sale_is_cancelled_to_the_fen_and_each_buyer_told_once(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> None:
    async with open_whole_sale(database, redis, time_skipping, stock=ORDERS) as shop:
        await shop.workflows.start_sale(shop.sale.sale_id)
        few, began = asyncio.Semaphore(20), time.monotonic()
        await asyncio.gather(*(_bought(shop, f"buyer-{n}", few) for n in range(ORDERS)))
        print(f"{ORDERS} bought in {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        await cancel_sale(shop)

        await skip_until(time_skipping, lambda: is_undone(shop), timedelta(seconds=1))

        print(f"undone in {time.monotonic() - began:.1f} s")
        progress = await progress_of(shop)
        (money,) = progress.money
        assert (progress.to_do, progress.done, progress.failed) == (0, ORDERS, 0)
        assert (money.to_do, money.done) == (0, ORDERS * PRICE)
        assert told_of_money(shop) == len(shop.alipay.refunded) == ORDERS
        assert (await audit(shop)).ok
