"""Sales as operators draft and publish them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.states import SaleStatus
from infra.postgres.sales import Sales
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import drafted, new_sale, published
from tests.support.shop import Shop


async def test_a_sale_is_published_until_its_start_and_closed_after_its_end(
    api: httpx.AsyncClient,
) -> None:
    now = datetime.now(UTC)
    coming = await drafted(api, starts_at=(now + timedelta(hours=1)).isoformat())
    past = await drafted(
        api,
        starts_at=(now - timedelta(hours=2)).isoformat(),
        ends_at=(now - timedelta(hours=1)).isoformat(),
    )

    assert (await published(api, coming["sale_id"]))["status"] == "published"
    assert (await published(api, past["sale_id"]))["status"] == "closed"


async def test_publishing_again_never_gives_stock_back(api: httpx.AsyncClient) -> None:
    sale_id = (await drafted(api))["sale_id"]
    await published(api, sale_id)
    path = f"/v1/sales/{sale_id}/items/teapot/orders"
    assert (await api.post(path, json={"quantity": 2}, headers=ADA)).status_code == 202

    again = await published(api, sale_id)

    assert again["items"][0]["remaining"] == 3


async def test_a_cancelled_sale_is_neither_seen_nor_published(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    draft = await drafted(api)
    async with shop.database.transaction() as connection:
        await Sales(connection).change_status(
            draft["sale_id"], SaleStatus.DRAFT, SaleStatus.CANCELLED
        )

    assert_problem(await api.get(f"/v1/sales/{draft['sale_id']}"), 404, "NOT_FOUND")
    answer = await api.post(f"/v1/operator/sales/{draft['sale_id']}/publish", headers=OPERATOR)
    assert assert_problem(answer, 409, "INVALID_STATE")["sale_status"] == "cancelled"


async def test_operators_see_drafts_too(api: httpx.AsyncClient) -> None:
    sale_id = (await drafted(api))["sale_id"]

    page = (await api.get("/v1/operator/sales", headers=OPERATOR)).json()
    one = (await api.get(f"/v1/operator/sales/{sale_id}", headers=OPERATOR)).json()

    assert [sale["sale_id"] for sale in page["sales"]] == [sale_id]
    assert one["items"][0]["stock"] == one["items"][0]["available"] == 5
    assert one["items"][0]["held"] == one["items"][0]["sold"] == 0


def item(**changes: Any) -> dict[str, Any]:
    return {**new_sale()["items"][0], **changes}


BAD_SALES: dict[str, dict[str, Any]] = {
    "no name": {"name": ""},
    "a long name": {"name": "n" * 201},
    "NUL in the name": {"name": "a\0b"},
    "name is a number": {"name": 7},
    "no items": {"items": []},
    "one sku twice": {"items": [item(), item()]},
    "ends before it starts": {"ends_at": "2020-01-01T00:00:00Z"},
    "a time without a zone": {"starts_at": "2026-01-01T00:00:00"},
    "no time": {"starts_at": "soon"},
    "no time to pay": {"pay_window_seconds": 0},
    "text as a number": {"pay_window_seconds": "1800"},
    "text as a truth": {"requires_entry_token": "yes"},
    "no stock": {"items": [item(stock=0)]},
    "negative stock": {"items": [item(stock=-1)]},
    "too much stock": {"items": [item(stock=10**30)]},
    "broken stock": {"items": [item(stock=1.5)]},
    "whole stock as a float": {"items": [item(stock=5.0)]},
    "a price of nothing": {"items": [item(price=0)]},
    "a price in text": {"items": [item(price="8800")]},
    "a true price": {"items": [item(price=True)]},
    "no limit": {"items": [item(per_user_limit=0)]},
    "a sku with a slash": {"items": [item(sku_id="a/b")]},
    "a sku with a newline": {"items": [item(sku_id="teapot\n")]},
    "a sku with a brace": {"items": [item(sku_id="{x}")]},
    "another currency": {"items": [item(currency="XXX")]},
    "items are no list": {"items": {"sku_id": "teapot"}},
}


@pytest.mark.parametrize("changes", BAD_SALES.values(), ids=BAD_SALES)
async def test_a_sale_that_makes_no_sense_is_invalid(
    api: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    answer = await api.post("/v1/operator/sales", json=new_sale(**changes), headers=OPERATOR)

    problem = assert_problem(answer, 422, "INVALID")
    assert problem["errors"]
    page = (await api.get("/v1/operator/sales", headers=OPERATOR)).json()
    assert page["sales"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 60_000, b"NaN"])
async def test_what_is_no_sale_at_all_is_invalid(api: httpx.AsyncClient, body: bytes) -> None:
    headers = {**OPERATOR, "Content-Type": "application/json"}

    answer = await api.post("/v1/operator/sales", content=body, headers=headers)

    assert_problem(answer, 422, "INVALID")


async def test_a_refusal_does_not_echo_what_was_sent(api: httpx.AsyncClient) -> None:
    body = new_sale(name="secret" * 10_000)

    answer = await api.post("/v1/operator/sales", json=body, headers=OPERATOR)

    assert_problem(answer, 422, "INVALID")
    assert "secret" not in answer.text
