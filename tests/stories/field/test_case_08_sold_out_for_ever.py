"""A sold-out flag that nobody clears after stock came back."""

from tests.support.idle import audit_when_idle
from tests.support.polling import until
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG


async def test_what_comes_back_is_on_sale_at_once(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    first = await system.ordered(sale_id, "ada")
    assert (await system.click(sale_id, "bob")).json()["code"] == "SOLD_OUT"
    await _until_shown(system, sale_id, remaining=0)

    assert (await system.cancel(first, "ada")).json()["status"] == "cancelled"

    await _until_shown(system, sale_id, remaining=1)
    second = await system.click(sale_id, "bob")
    assert second.status_code == 202, second.text
    await system.until_status(second.json()["order_id"], "pending_payment")
    assert (await system.click(sale_id, "cyd")).json()["code"] == "SOLD_OUT"
    await system.cancel(second.json()["order_id"], "bob")
    await audit_when_idle(system)


async def _until_shown(system: WholeSystem, sale_id: str, *, remaining: int) -> None:
    async def shown() -> bool:
        sale = (await system.api.get(f"/v1/sales/{sale_id}")).json()
        return bool(sale["items"][0]["remaining"] == remaining)

    await until(shown, f"{remaining} to be shown as remaining")
