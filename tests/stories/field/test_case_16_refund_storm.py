"""A refund storm that runs into the provider's limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from tests.support.field_cases import LONG, bought
from tests.support.quiet import rest_and_audit
from tests.support.town import PRICE, Town, WorkerShift

ORDERS = 8
CALLS_PER_SECOND = 2.0
# What a queue at rest may let through at once.
BURST = 3


async def test_refunds_queue_up_below_the_limit_and_all_arrive(town: Town) -> None:
    sale_id = await town.sale(stock=ORDERS, pay_window=LONG)
    order_ids = await asyncio.gather(
        *(bought(town, sale_id, f"storm-{n}", "alipay") for n in range(ORDERS))
    )

    async with _slowed_down(town):
        answers = await asyncio.gather(*(town.operate(one, "refund") for one in order_ids))
        assert {answer.status_code for answer in answers} == {202}
        await rest_and_audit(town)

    views = [await town.order(order_id) for order_id in order_ids]
    assert {view["status"] for view in views} == {"refunded"}
    book = await town.book()
    kept = [book[view["payment"]["out_trade_no"]] for view in views]
    assert [line["refunded"] for line in kept] == [PRICE] * ORDERS
    at = sorted(_refunded_at(view) for view in views)
    below_the_limit = timedelta(seconds=(ORDERS - 1 - BURST) / CALLS_PER_SECOND)
    # Half of it: the first call may have been written down late, which shortens what is seen.
    assert at[-1] - at[0] >= below_the_limit / 2


@asynccontextmanager
async def _slowed_down(town: Town) -> AsyncIterator[None]:
    """Another worker takes the shift, whose provider allows little."""
    await town.worker.stop()
    limits = {"refund_calls_per_second": CALLS_PER_SECOND}
    slow = WorkerShift(town.settings.model_copy(update=limits))
    slow.start()
    try:
        yield
    finally:
        await slow.stop()
        town.worker.start()


def _refunded_at(view: dict[str, Any]) -> datetime:
    (at,) = (line["at"] for line in view["timeline"] if line["event"] == "refunded")
    return datetime.fromisoformat(at)
