"""Sales as buyers look at them."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.support.buyers import assert_problem, click
from tests.support.callers import ADA, BOB, OPERATOR, served
from tests.support.operators import drafted, published
from tests.support.outages import without
from tests.support.polling import eventually
from tests.support.shop import Shop


async def test_a_sale_is_drafted_published_and_seen(api: httpx.AsyncClient) -> None:
    draft = await drafted(api)
    sale_id = draft["sale_id"]
    assert draft["status"] == "draft"
    assert_problem(await api.get(f"/v1/sales/{sale_id}"), 404, "NOT_FOUND")

    assert (await published(api, sale_id))["status"] == "open"

    view = (await api.get(f"/v1/sales/{sale_id}")).json()
    assert view["status"] == "open"
    assert view["name"] == "Autumn sale"
    assert view["items"] == [
        {
            "sku_id": "teapot",
            "title": "A teapot",
            "list_price": 12800,
            "price": 8800,
            "points_price": 900,
            "currency": "CNY",
            "per_user_limit": 2,
            "remaining": 5,
        }
    ]
    for field in ("starts_at", "ends_at", "server_time"):
        assert view[field].endswith("Z")
    assert abs(datetime.fromisoformat(view["server_time"]) - datetime.now(UTC)) < timedelta(
        minutes=1
    )


async def test_what_is_left_counts_down(api: httpx.AsyncClient, shop: Shop) -> None:
    await click(api, shop, ADA)
    await click(api, shop, BOB, quantity=2)

    async def left() -> int:
        view = (await api.get(f"/v1/sales/{shop.sale.sale_id}")).json()
        return int(view["items"][0]["remaining"])

    await eventually(left, 2)


async def test_buyers_page_through_what_is_on_show(api: httpx.AsyncClient) -> None:
    wanted = [(await drafted(api, name=f"Sale {n}"))["sale_id"] for n in range(3)]
    await drafted(api, name="hidden")
    for sale_id in wanted:
        await published(api, sale_id)

    seen, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/v1/sales", params=query)).json()
        seen += [sale["sale_id"] for sale in page["sales"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(wanted)


@pytest.mark.parametrize("sale_id", ["nosuchsale", "a%0A", "%00", "x'--", "%F0%9F%8D%B5", "a" * 65])
async def test_an_unknown_sale_is_not_found(api: httpx.AsyncClient, sale_id: str) -> None:
    assert_problem(await api.get(f"/v1/sales/{sale_id}"), 404, "NOT_FOUND")
    path = f"/v1/operator/sales/{sale_id}"
    assert_problem(await api.get(path, headers=OPERATOR), 404, "NOT_FOUND")
    assert_problem(await api.post(f"{path}/publish", headers=OPERATOR), 404, "NOT_FOUND")


async def test_without_redis_sales_are_still_shown(settings: Settings, shop: Shop) -> None:
    async with served(create_app(without(settings, "redis"))) as api:
        view = await api.get(f"/v1/sales/{shop.sale.sale_id}")

    assert view.json()["items"][0]["remaining"] == 5
