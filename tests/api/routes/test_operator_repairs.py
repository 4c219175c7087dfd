"""Operators see what was put right by itself."""

import httpx

from domain.repair import NewRepair, RepairKind
from infra.postgres.repairs import Repairs
from tests.support.callers import ADA, OPERATOR
from tests.support.shop import Shop


async def test_repairs_are_listed_newest_first_and_by_sale_and_order(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    sale_id = shop.sale.sale_id
    line = NewRepair(
        kind=RepairKind.RESERVATION,
        sale_id=sale_id,
        sku_id="teapot",
        order_id="O1",
        found="missing",
        should="held 1 5 ada",
    )
    terms = line.model_copy(update={"kind": RepairKind.TERMS, "order_id": None})
    async with shop.database.transaction() as connection:
        first, _ = await Repairs(connection).begin([line, terms])
        await Repairs(connection).conclude({first: "mended"})

    async def listed(**by: str) -> list[tuple[str, str | None]]:
        answer = await api.get("/v1/operator/repairs", params=by, headers=OPERATOR)
        assert answer.status_code == 200, answer.text
        return [(one["kind"], one["outcome"]) for one in answer.json()["repairs"]]

    assert await listed() == [("terms", None), ("reservation", "mended")]
    assert await listed(sale_id=sale_id, order_id="O1") == [("reservation", "mended")]
    assert await listed(sale_id="another") == []
    assert (await api.get("/v1/operator/repairs", headers=ADA)).status_code == 403
