"""The buyer pays between our last query and our close."""

import pytest

from tests.support.field_cases import LONG, begun
from tests.support.quiet import rest_and_audit
from tests.support.town import PRICE, Town


@pytest.mark.parametrize("method", ["alipay", "wechatpay"])
async def test_money_that_meets_the_close_buys_the_order(town: Town, method: str) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    payment = await begun(town, order_id, "ada", method, "qr")
    await town.misbehave(payment["out_trade_no"], pay_on_close=1.0, drop=1.0)

    cancelling = await town.cancel(order_id, "ada")

    assert cancelling.json().get("status") != "cancelled"
    view = await town.until_status(order_id, "fulfilled")
    assert view["payment"]["amount"] == PRICE
    assert (await town.book())[payment["out_trade_no"]]["refunded"] == 0
    assert await town.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}
    await rest_and_audit(town)
