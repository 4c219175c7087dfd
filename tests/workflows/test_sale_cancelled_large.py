"""A large sale is cancelled, on a Temporal that skips: `SALE_ORDERS=2000` for one by hand."""

import asyncio
import os
import time

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from infra.postgres.engine import Database
from tests.support.cancelling import (
    are_told,
    cancel_sale,
    is_undone,
    progress_of,
    told_of_money,
)
from tests.support.ledger import pay, place
from tests.support.polling import until
from tests.support.shop import PRICE, Shop
from tests.support.whole_sales import audit, open_whole_sale

ORDERS = int(os.environ.get("SALE_ORDERS", "60"))


async def _bought(shop: Shop, user_id: str, few: asyncio.Semaphore) -> None:
    """Written down as paid: what is in question begins with the cancel."""
    async with few:
        order = await place(shop.database, shop.item, user_id)
        payment = await pay(shop.database, order)
        await shop.gate.sell(order.intent)
        shop.alipay.charges[payment.payment_id] = payment.charge_for("a teapot")
        shop.alipay.pay(payment.payment_id)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_large_sale_is_cancelled_to_the_fen_and_each_buyer_told_once(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> None:
    async with open_whole_sale(database, redis, time_skipping, stock=ORDERS) as shop:
        few = asyncio.Semaphore(10)
        await asyncio.gather(*(_bought(shop, f"buyer-{n}", few) for n in range(ORDERS)))
        began = time.monotonic()
        await cancel_sale(shop)

        # Its clock is left alone: skipped while thousands of steps are under way, it would have
        # each of them time out.
        async def is_over() -> bool:
            return await is_undone(shop) and await are_told(shop, ORDERS)

        await until(is_over, "all of it to be undone", seconds=800, every=0.2)

        print(f"{ORDERS} orders undone in {time.monotonic() - began:.1f} s")
        progress = await progress_of(shop)
        (money,) = progress.money
        assert (progress.to_do, progress.done, progress.failed) == (0, ORDERS, 0)
        assert (money.to_do, money.done) == (0, ORDERS * PRICE)
        assert told_of_money(shop) == len(shop.alipay.refunded) == ORDERS
        assert (await audit(shop)).ok
