"""One order paid through two channels, and nobody gives the second payment back."""

import asyncio

from tests.support.field_cases import (
    LONG,
    begun,
    grant_points,
    happened,
    paid,
    paid_unnoticed,
    points_of,
)
from tests.support.quiet import rest_and_audit
from tests.support.town import POINTS_PRICE, PRICE, Town


async def test_the_second_payment_goes_back_and_the_first_stands(town: Town) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    payments = [
        await begun(town, order_id, "ada", "alipay", "page"),
        await begun(town, order_id, "ada", "wechatpay"),
    ]
    for payment in payments:
        await town.misbehave(payment["out_trade_no"], delay_seconds=[0.3, 0.3])

    await asyncio.gather(*(paid(town, payment) for payment in payments))

    await rest_and_audit(town)
    lines = [(await town.book())[payment["out_trade_no"]] for payment in payments]
    assert [line["paid"] for line in lines] == [PRICE, PRICE]
    assert sorted(line["refunded"] for line in lines) == [0, PRICE]
    view = await town.order(order_id)
    assert (view["status"], happened(view, "paid")) == ("fulfilled", 1)
    assert [(back["reason"], back["status"]) for back in view["refunds"]] == [
        ("second_payment", "done")
    ]
    assert await town.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}


async def test_money_that_meets_points_goes_back(town: Town) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    await grant_points(town, "richard", POINTS_PRICE)
    order_id = await town.ordered(sale_id, "richard")
    payment = await begun(town, order_id, "richard")
    await paid_unnoticed(town, payment)

    # Richard sees nothing happen, and pays again.
    assert (await begun(town, order_id, "richard", "points"))["status"] == "paid"

    await rest_and_audit(town)
    assert (await town.order(order_id))["status"] == "fulfilled"
    assert (await town.book())[payment["out_trade_no"]]["refunded"] == PRICE
    assert await points_of(town, "richard") == 0


async def test_an_operator_who_looks_again_and_finds_both_is_answered(town: Town) -> None:
    """The caller waits until the money is taken, and the order until its callers are answered."""
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    for method in ("alipay", "wechatpay"):
        payment = await begun(town, order_id, "ada", method)
        await paid_unnoticed(town, payment)

    assert (await town.operate(order_id, "recheck")).status_code == 200

    await rest_and_audit(town)
    view = await town.order(order_id)
    assert view["status"] == "fulfilled"
    assert [back["reason"] for back in view["refunds"]] == ["second_payment"]
