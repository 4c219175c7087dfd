"""A refund that is stuck for ever, or repeated under a new number and so paid twice."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.idle import audit_when_idle
from tests.support.polling import until
from tests.support.whole_system import PRICE, WholeSystem
from tests.support.whole_system_steps import LONG, bought

ORDERS = 4
# A part, because a provider would refuse to give a whole back twice.
PART = PRICE // 4


@pytest.mark.parametrize("method", ["alipay", "wechatpay"])
async def test_a_provider_that_did_it_and_said_it_failed_does_it_once(
    system: WholeSystem, method: str
) -> None:
    sale_id = await system.sale(stock=ORDERS, pay_window=LONG)
    order_ids = [await bought(system, sale_id, f"back-{n}", method) for n in range(ORDERS)]
    numbers = [(await system.order(one))["payment"]["out_trade_no"] for one in order_ids]
    for number in numbers:
        await system.misbehave(number, fail_calls=1.0)

    for order_id in order_ids:
        assert (await system.operate(order_id, "refund", amount=PART)).status_code == 202
    await until(lambda: _any_has_moved(system, numbers), "a failed call that had its effect")
    for number in numbers:
        await system.misbehave(number)

    await audit_when_idle(system)
    for order_id, number in zip(order_ids, numbers, strict=True):
        assert (await system.book())[number]["refunded"] == PART
        (refund,) = (await system.order(order_id))["refunds"]
        assert (refund["status"], refund["amount"]) == ("done", PART)


async def test_a_refund_whose_notice_is_lost_is_asked_about(
    system: WholeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.refund.FIRST_LOOK", timedelta(seconds=0.5))
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await bought(system, sale_id, "ada", "wechatpay")
    number = (await system.order(order_id))["payment"]["out_trade_no"]
    await system.misbehave(number, drop=1.0)

    assert (await system.operate(order_id, "refund")).status_code == 202

    await system.until_status(order_id, "refunded")
    assert (await system.book())[number]["refunded"] == PRICE
    assert await system.stock(sale_id) == {"available": 1, "held": 0, "sold": 0}
    await audit_when_idle(system)


async def _any_has_moved(system: WholeSystem, numbers: list[str]) -> bool:
    book: dict[str, dict[str, Any]] = await system.book()
    return any(book[number]["refunded"] for number in numbers)
