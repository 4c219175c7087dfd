"""The orders' rows in Postgres, as a bench looks at them."""

import asyncio
import time
from collections.abc import Iterable

import asyncpg
import pytest

from bench.rows import OrderRows, OrderWatch, Stage
from domain.states import OrderStatus
from infra.postgres.engine import Database
from tests.support.ledger import open_item, pay, place


class Statuses(OrderRows):
    """Rows that a test changes."""

    def __init__(self) -> None:
        self.now: dict[str, OrderStatus] = {}

    async def statuses(self, orders: Iterable[str]) -> dict[str, OrderStatus]:
        return {order: self.now[order] for order in orders if order in self.now}


@pytest.mark.servers
async def test_orders_are_counted_by_how_far_they_have_come(
    postgres_dsn: str, database: Database
) -> None:
    item = await open_item(database)
    waiting, paid = await place(database, item), await place(database, item, "bob")
    await pay(database, paid)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        rows = OrderRows(connection)
        counts = {stage: await rows.count(item.sale_id, stage) for stage in Stage}
        statuses = await rows.statuses([waiting.order_id, paid.order_id, "nobody's"])
        reached = await rows.until(item.sale_id, Stage.PAYABLE, 2)
    finally:
        await connection.close()
    assert counts == {Stage.PAYABLE: 2, Stage.PAID: 1, Stage.FULFILLED: 0}
    assert statuses == {
        waiting.order_id: OrderStatus.PENDING_PAYMENT,
        paid.order_id: OrderStatus.PAID,
    }
    assert reached <= time.perf_counter()


async def test_each_stage_of_an_order_is_seen_once_it_is_reached() -> None:
    rows = Statuses()
    watch = OrderWatch(rows)
    payable, fulfilled = watch.expect("one", Stage.PAYABLE), watch.expect("one", Stage.FULFILLED)
    watching = asyncio.create_task(watch.run())
    try:
        await asyncio.sleep(0.03)
        assert not payable.done()
        before = time.perf_counter()
        rows.now["one"] = OrderStatus.PENDING_PAYMENT
        assert before <= await asyncio.wait_for(payable, 60) <= time.perf_counter()
        assert not fulfilled.done()
        # Between two looks it may come two stages on.
        rows.now["one"] = OrderStatus.FULFILLED
        await asyncio.wait_for(watch.expect("one", Stage.PAID), 60)
        await asyncio.wait_for(fulfilled, 60)
    finally:
        watching.cancel()
