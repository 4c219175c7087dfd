"""Paid after the order was cancelled and its stock sold to somebody else."""

from tests.support.field_cases import LONG, begun, bought, paid, until_given_back
from tests.support.quiet import rest_and_audit
from tests.support.town import PRICE, Town


async def test_late_money_goes_back_and_the_stock_stays_with_its_second_buyer(town: Town) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    late = await town.ordered(sale_id, "ada")
    # A code nobody has scanned is unknown to Alipay: it cannot be closed, and can still be paid.
    payment = await begun(town, late, "ada", "alipay", "qr")
    assert (await town.cancel(late, "ada")).json()["status"] == "cancelled"
    resold = await bought(town, sale_id, "bob")

    await paid(town, payment)

    line = await until_given_back(town, payment["out_trade_no"])
    assert (line["paid"], line["refunded"]) == (PRICE, PRICE)
    await rest_and_audit(town)
    view = await town.order(late)
    assert view["status"] == "cancelled"
    assert [(back["reason"], back["status"]) for back in view["refunds"]] == [
        ("late_payment", "done")
    ]
    assert (await town.order(resold))["status"] == "fulfilled"
    assert await town.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}
