"""A sold-out flag that nobody clears after stock came back."""

from tests.support.field_cases import LONG
from tests.support.quiet import rest_and_audit
from tests.support.town import Town, until


async def test_what_comes_back_is_on_sale_at_once(town: Town) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    first = await town.ordered(sale_id, "ada")
    assert (await town.click(sale_id, "bob")).json()["code"] == "SOLD_OUT"
    await _until_shown(town, sale_id, remaining=0)

    assert (await town.cancel(first, "ada")).json()["status"] == "cancelled"

    await _until_shown(town, sale_id, remaining=1)
    second = await town.click(sale_id, "bob")
    assert second.status_code == 202, second.text
    await town.until_status(second.json()["order_id"], "pending_payment")
    assert (await town.click(sale_id, "cyd")).json()["code"] == "SOLD_OUT"
    await town.cancel(second.json()["order_id"], "bob")
    await rest_and_audit(town)


async def _until_shown(town: Town, sale_id: str, *, remaining: int) -> None:
    async def shown() -> bool:
        sale = (await town.api.get(f"/v1/sales/{sale_id}")).json()
        return bool(sale["items"][0]["remaining"] == remaining)

    await until(shown, f"{remaining} to be shown as remaining")
