"""One order paid through two channels, and nobody gives the second payment back."""

import asyncio

from tests.support.idle import audit_when_idle
from tests.support.whole_system import POINTS_PRICE, PRICE, WholeSystem
from tests.support.whole_system_steps import (
    LONG,
    begun,
    grant_points,
    happened,
    paid,
    paid_unnoticed,
    points_of,
)


async def test_the_second_payment_goes_back_and_the_first_stands(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payments = [
        await begun(system, order_id, "ada", "alipay", "page"),
        await begun(system, order_id, "ada", "wechatpay"),
    ]
    for payment in payments:
        await system.misbehave(payment["out_trade_no"], delay_seconds=[0.3, 0.3])

    await asyncio.gather(*(paid(system, payment) for payment in payments))

    await audit_when_idle(system)
    lines = [(await system.book())[payment["out_trade_no"]] for payment in payments]
    assert [line["paid"] for line in lines] == [PRICE, PRICE]
    assert sorted(line["refunded"] for line in lines) == [0, PRICE]
    view = await system.order(order_id)
    assert (view["status"], happened(view, "paid")) == ("fulfilled", 1)
    assert [(back["reason"], back["status"]) for back in view["refunds"]] == [
        ("second_payment", "done")
    ]
    assert await system.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}


async def test_money_that_meets_points_goes_back(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    await grant_points(system, "richard", POINTS_PRICE)
    order_id = await system.ordered(sale_id, "richard")
    payment = await begun(system, order_id, "richard")
    await paid_unnoticed(system, payment)

    # Richard sees nothing happen, and pays again.
    assert (await begun(system, order_id, "richard", "points"))["status"] == "paid"

    await audit_when_idle(system)
    assert (await system.order(order_id))["status"] == "fulfilled"
    assert (await system.book())[payment["out_trade_no"]]["refunded"] == PRICE
    assert await points_of(system, "richard") == 0


async def test_an_operator_who_looks_again_and_finds_both_is_answered(system: WholeSystem) -> None:
    """The caller waits until the money is taken, and the order until its callers are answered."""
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    for method in ("alipay", "wechatpay"):
        payment = await begun(system, order_id, "ada", method)
        await paid_unnoticed(system, payment)

    assert (await system.operate(order_id, "recheck")).status_code == 200

    await audit_when_idle(system)
    view = await system.order(order_id)
    assert view["status"] == "fulfilled"
    assert [back["reason"] for back in view["refunds"]] == ["second_payment"]
