"""Amount, app or seller not compared; the total taken from the client."""

import json

import pytest

from domain.states import OrderStatus
from tests.support.buyers import assert_problem
from tests.support.idle import audit_when_idle
from tests.support.ledger import money_of
from tests.support.notice_keys import FORM_HEADERS, AlipaySide, WechatPaySide
from tests.support.whole_system import PRICE, WholeSystem, bearer
from tests.support.whole_system_steps import LONG, begun, notices_of, row_of

LIES_OF_ALIPAY = {
    "too little": ({"total_amount": "0.01"}, "wrong_amount"),
    "another app": ({"app_id": "2021999999999999"}, "foreign_app"),
    "another seller": ({"seller_id": "2088999999999999"}, "foreign_seller"),
}
LIES_OF_WECHAT_PAY: dict[str, tuple[dict[str, object], str]] = {
    "too little": ({"amount": {"total": 1, "currency": "CNY"}}, "wrong_amount"),
    "another app": ({"appid": "wx9999999999999999"}, "foreign_app"),
    "another seller": ({"mchid": "1999999999"}, "foreign_seller"),
}


@pytest.mark.parametrize("lie", LIES_OF_ALIPAY)
async def test_what_alipay_signed_for_another_shop_or_sum_moves_nothing(
    system: WholeSystem, lie: str
) -> None:
    changes, verdict = LIES_OF_ALIPAY[lie]
    order_id, number = await _waiting(system, "alipay")
    side = AlipaySide.of_folder(system.keys)

    body = side.body(side.paid(number, "88.00") | changes)
    answer = await system.api.post("/v1/webhooks/alipay", content=body, headers=FORM_HEADERS)

    assert answer.text != "success"
    await _expect_nothing_moved(system, order_id, verdict)


@pytest.mark.parametrize("lie", LIES_OF_WECHAT_PAY)
async def test_what_wechat_pay_signed_for_another_shop_or_sum_moves_nothing(
    system: WholeSystem, lie: str
) -> None:
    changes, verdict = LIES_OF_WECHAT_PAY[lie]
    order_id, number = await _waiting(system, "wechatpay")
    side = WechatPaySide.of_folder(system.keys)

    body = json.dumps(side.envelope(side.paid(number, PRICE) | changes)).encode()
    headers = side.headers(body)
    answer = await system.api.post("/v1/webhooks/wechatpay", content=body, headers=headers)

    assert answer.status_code == 400
    await _expect_nothing_moved(system, order_id, verdict)


async def test_the_price_is_ours_whatever_the_client_says(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    priced = await system.api.post(
        f"/v1/sales/{sale_id}/items/teapot/orders",
        json={"quantity": 1, "price": 1, "amount": 1, "total_amount": "0.01"},
        headers=bearer("ada"),
    )
    # Not the one unit is taken by it: the order of the next line gets it.
    assert_problem(priced, 422, "INVALID")
    order_id = await system.ordered(sale_id, "ada")
    await system.until_status(order_id, "pending_payment")
    path = f"/v1/orders/{order_id}/payments"
    priced = await system.api.post(
        path, json={"method": "wechatpay", "amount": 1, "total": 1}, headers=bearer("ada")
    )
    assert_problem(priced, 422, "INVALID")
    payment = await system.api.post(path, json={"method": "wechatpay"}, headers=bearer("ada"))

    assert (await system.order(order_id))["amount"] == PRICE
    assert (await system.book())[payment.json()["out_trade_no"]]["amount"] == PRICE
    await system.cancel(order_id, "ada")
    await audit_when_idle(system)


async def _waiting(system: WholeSystem, method: str) -> tuple[str, str]:
    """An order with a begun payment, and the payment's number."""
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payment = await begun(system, order_id, "ada", method, "qr")
    return order_id, payment["out_trade_no"]


async def _expect_nothing_moved(system: WholeSystem, order_id: str, verdict: str) -> None:
    assert [notice["verdict"] for notice in await notices_of(system, order_id)] == [verdict]
    # Whoever believed it would have settled the order before a cancel asked later got through.
    assert (await system.cancel(order_id, "ada")).json()["status"] == "cancelled"
    await audit_when_idle(system)
    order = await row_of(system, order_id)
    assert order is not None
    assert order.status is OrderStatus.CANCELLED
    assert await money_of(system.database, order_id) == (0, 0)
