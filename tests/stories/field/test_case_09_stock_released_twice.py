"""Stock released twice."""

import asyncio

from activities.orders import EndOrder, OrderActivities
from activities.stock import ReleaseStock, StockActivities
from domain.ids import workflow_id
from domain.reservation import Intent, StockReturn
from domain.states import OrderStatus
from infra.redis.stock_gate import StockGate
from infra.temporal.client import connect_temporal
from tests.support.idle import audit_when_idle
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG, begun

ALL_BACK = {"available": 2, "held": 0, "sold": 0}


async def test_cancelled_by_everybody_at_once_stock_comes_back_once(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=2, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    await begun(system, order_id, "ada")
    temporal = await connect_temporal()

    await asyncio.gather(
        *(system.cancel(order_id, "ada") for _ in range(3)),
        system.operate(order_id, "cancel"),
        temporal.get_workflow_handle(workflow_id(order_id)).cancel(),
    )

    await system.until_status(order_id, "cancelled")
    await audit_when_idle(system)
    assert await system.stock(sale_id) == ALL_BACK
    await _release_again(system, sale_id, order_id)
    assert await system.stock(sale_id) == ALL_BACK
    await _expect_no_more_than(system, sale_id, 2)


async def _release_again(system: WholeSystem, sale_id: str, order_id: str) -> None:
    """As a worker does whose first try worked, and whose answer was lost."""
    intent = Intent(order_id=order_id, sale_id=sale_id, sku_id="teapot", user_id="ada", quantity=1)
    cancel = EndOrder(intent=intent, status=OrderStatus.CANCELLED, reason="again")
    await OrderActivities(system.database).cancel_order(cancel)
    stock = StockActivities(StockGate(system.redis))
    await stock.release_stock(ReleaseStock(intent=intent))
    await stock.release_stock(ReleaseStock(intent=intent, how=StockReturn.RESTOCK))


async def _expect_no_more_than(system: WholeSystem, sale_id: str, stock: int) -> None:
    """Redis grants what there is, and not one more."""
    answers = [await system.click(sale_id, f"again-{n}") for n in range(stock + 1)]
    assert [answer.status_code for answer in answers] == [202] * stock + [409]
    for n, answer in enumerate(answers[:stock]):
        await system.until_status(answer.json()["order_id"], "pending_payment")
        await system.cancel(answer.json()["order_id"], f"again-{n}")
    await audit_when_idle(system)
