"""The buyer pays between our last query and our close."""

import pytest

from tests.support.idle import audit_when_idle
from tests.support.whole_system import PRICE, WholeSystem
from tests.support.whole_system_steps import LONG, begun


@pytest.mark.parametrize("method", ["alipay", "wechatpay"])
async def test_money_that_meets_the_close_buys_the_order(system: WholeSystem, method: str) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payment = await begun(system, order_id, "ada", method, "qr")
    await system.misbehave(payment["out_trade_no"], pay_on_close=1.0, drop=1.0)

    cancelling = await system.cancel(order_id, "ada")

    assert cancelling.json().get("status") != "cancelled"
    view = await system.until_status(order_id, "fulfilled")
    assert view["payment"]["amount"] == PRICE
    assert (await system.book())[payment["out_trade_no"]]["refunded"] == 0
    assert await system.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}
    await audit_when_idle(system)
