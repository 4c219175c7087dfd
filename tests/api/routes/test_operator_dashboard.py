"""A sale in a rush over HTTP."""

import httpx

from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.shop import Shop


async def test_operators_see_how_a_sale_stands(api: httpx.AsyncClient, shop: Shop) -> None:
    await shop.click("ada", 2)
    path = f"/v1/operator/sales/{shop.sale.sale_id}/dashboard"

    answer = await api.get(path, headers=OPERATOR)

    assert answer.status_code == 200, answer.text
    view = answer.json()
    (item,) = view["items"]
    assert (item["gate"]["stock"], item["gate"]["held"], item["ledger"]["available"]) == (3, 2, 5)
    assert view["workflows"] == {"running": 0, "need_attention": 0}
    assert view["missing"] == []
    assert_problem(await api.get(path, headers=ADA), 403, "FORBIDDEN")
    for sale_id in ("nosuch", "%00"):
        unknown = await api.get(f"/v1/operator/sales/{sale_id}/dashboard", headers=OPERATOR)
        assert_problem(unknown, 404, "NOT_FOUND")
