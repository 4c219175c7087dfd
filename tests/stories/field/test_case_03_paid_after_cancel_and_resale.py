"""Paid after the order was cancelled and its stock sold to somebody else."""

from tests.support.idle import audit_when_idle
from tests.support.whole_system import PRICE, WholeSystem
from tests.support.whole_system_steps import LONG, begun, bought, paid, until_given_back


async def test_late_money_goes_back_and_the_stock_stays_with_its_second_buyer(
    system: WholeSystem,
) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    late = await system.ordered(sale_id, "ada")
    # A code nobody has scanned is unknown to Alipay: it cannot be closed, and can still be paid.
    payment = await begun(system, late, "ada", "alipay", "qr")
    assert (await system.cancel(late, "ada")).json()["status"] == "cancelled"
    resold = await bought(system, sale_id, "bob")

    await paid(system, payment)

    line = await until_given_back(system, payment["out_trade_no"])
    assert (line["paid"], line["refunded"]) == (PRICE, PRICE)
    await audit_when_idle(system)
    view = await system.order(late)
    assert view["status"] == "cancelled"
    assert [(back["reason"], back["status"]) for back in view["refunds"]] == [
        ("late_payment", "done")
    ]
    assert (await system.order(resold))["status"] == "fulfilled"
    assert await system.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}
