"""The notice is lost: the order stays unpaid though the money is there."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.idle import audit_when_idle
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG, begun, notices_of, paid_unnoticed, times_up


@pytest.mark.parametrize(("method", "scene"), [("alipay", "page"), ("wechatpay", None)])
async def test_we_ask_by_ourselves_long_before_the_time_is_over(
    system: WholeSystem, monkeypatch: pytest.MonkeyPatch, method: str, scene: str | None
) -> None:
    # A page is begun ahead of the workflow, a code by it; rounds ask after both.
    for place in ("hot_path", "payable_orders", "payments"):
        monkeypatch.setattr(f"infra.postgres.{place}.ASK_AFTER", (timedelta(seconds=1),))
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payment = await begun(system, order_id, "ada", method, scene)
    await paid_unnoticed(system, payment)

    view = await system.until_status(order_id, "fulfilled")
    assert datetime.now(UTC) < datetime.fromisoformat(view["pay_deadline"])
    assert await notices_of(system, order_id) == []
    assert await system.stock(sale_id) == {"available": 0, "held": 0, "sold": 1}
    await audit_when_idle(system)


async def test_at_the_latest_we_ask_when_the_time_is_over(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payment = await begun(system, order_id, "ada")
    await paid_unnoticed(system, payment)

    await times_up(order_id)

    await system.until_status(order_id, "fulfilled")
    assert await notices_of(system, order_id) == []
    await audit_when_idle(system)
