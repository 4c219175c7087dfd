"""A refund storm that runs into the provider's limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from tests.support.idle import audit_when_idle
from tests.support.whole_system import PRICE, RestartableWorker, WholeSystem
from tests.support.whole_system_steps import LONG, bought

ORDERS = 8
CALLS_PER_SECOND = 2.0
# What a queue at rest may let through at once.
BURST = 3


async def test_refunds_queue_up_below_the_limit_and_all_arrive(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=ORDERS, pay_window=LONG)
    order_ids = await asyncio.gather(
        *(bought(system, sale_id, f"storm-{n}", "alipay") for n in range(ORDERS))
    )

    async with _slowed_down(system):
        answers = await asyncio.gather(*(system.operate(one, "refund") for one in order_ids))
        assert {answer.status_code for answer in answers} == {202}
        await audit_when_idle(system)

    views = [await system.order(order_id) for order_id in order_ids]
    assert {view["status"] for view in views} == {"refunded"}
    book = await system.book()
    kept = [book[view["payment"]["out_trade_no"]] for view in views]
    assert [line["refunded"] for line in kept] == [PRICE] * ORDERS
    at = sorted(_refunded_at(view) for view in views)
    below_the_limit = timedelta(seconds=(ORDERS - 1 - BURST) / CALLS_PER_SECOND)
    # Half of it: the first call may have been written down late, which shortens what is seen.
    assert at[-1] - at[0] >= below_the_limit / 2


@asynccontextmanager
async def _slowed_down(system: WholeSystem) -> AsyncIterator[None]:
    """Another worker takes over, whose provider allows little."""
    await system.worker.stop()
    limits = {"refund_calls_per_second": CALLS_PER_SECOND}
    slow = RestartableWorker(system.settings.model_copy(update=limits))
    slow.start()
    try:
        yield
    finally:
        await slow.stop()
        system.worker.start()


def _refunded_at(view: dict[str, Any]) -> datetime:
    (at,) = (line["at"] for line in view["timeline"] if line["event"] == "refunded")
    return datetime.fromisoformat(at)
