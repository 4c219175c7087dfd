"""The notice is lost: the order stays unpaid though the money is there."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.field_cases import LONG, begun, notices_of, paid_unnoticed, times_up
from tests.support.quiet import rest_and_audit
from tests.support.town import Town


@pytest.mark.parametrize(("method", "scene"), [("alipay", "page"), ("wechatpay", None)])
async def test_we_ask_by_ourselves_long_before_the_time_is_over(
    town: Town, monkeypatch: pytest.MonkeyPatch, method: str, scene: str | None
) -> None:
    monkeypatch.setattr("workflows.payments.ASK_AFTER", (timedelta(seconds=1),))
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    payment = await begun(town, order_id, "ada", method, scene)
    await paid_unnoticed(town, payment)

    view = await town.until_status(order_id, "fulfilled")
    assert datetime.now(UTC) < datetime.fromisoformat(view["pay_deadline"])
    assert await notices_of(town, order_id) == []
    assert await town.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}
    await rest_and_audit(town)


async def test_at_the_latest_we_ask_when_the_time_is_over(town: Town) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    payment = await begun(town, order_id, "ada")
    await paid_unnoticed(town, payment)

    await times_up(order_id)

    await town.until_status(order_id, "fulfilled")
    assert await notices_of(town, order_id) == []
    await rest_and_audit(town)
