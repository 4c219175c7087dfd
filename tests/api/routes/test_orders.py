"""A buyer's orders: looking at them and giving them up."""

from datetime import datetime, timedelta

import httpx
import pytest

from api.app import create_app
from domain.ids import new_order_id
from infra.settings import Settings
from tests.support.buyers import assert_problem, click, order_id, placed, status
from tests.support.callers import ADA, BOB, OPERATOR, served
from tests.support.shop import PRICE, Shop

STRANGE_IDS = [
    "nosuchorder",
    "0" * 26,
    "U" * 26,
    "a%0A",
    "%00",
    "'; DROP TABLE orders; --",
    "%E8%8C%B6",
    "..%2F..",
    "x" * 3000,
]


async def test_a_queued_order_is_seen_at_once(api: httpx.AsyncClient, shop: Shop) -> None:
    accepted = await click(api, shop, quantity=2)

    view = (await api.get(accepted.headers["location"], headers=ADA)).json()

    assert view["status"] == "queued"
    assert (view["amount"], view["currency"]) == (2 * PRICE, "CNY")
    assert (view["user_id"], view["sku_id"], view["quantity"]) == ("ada", "teapot", 2)
    assert view["sale_id"] == shop.sale.sale_id
    assert view["payment"] is view["pay_deadline"] is view["reason"] is None
    assert view["refunds"] == view["deliveries"] == []
    assert [line["event"] for line in view["timeline"]] == ["accepted"]
    assert view["timeline"][0]["at"] == view["created_at"]


async def test_another_users_order_is_not_found(api: httpx.AsyncClient, shop: Shop) -> None:
    accepted = await order_id(api, shop, ADA)

    for method, path, body in (
        ("GET", "", None),
        ("POST", "/cancel", {}),
        ("POST", "/payments", {"method": "alipay"}),
    ):
        answer = await api.request(method, f"/v1/orders/{accepted}{path}", headers=BOB, json=body)
        assert_problem(answer, 404, "NOT_FOUND")
    assert await status(api, accepted, OPERATOR) == "queued"


@pytest.mark.parametrize("strange", STRANGE_IDS)
async def test_an_unknown_order_is_not_found(api: httpx.AsyncClient, strange: str) -> None:
    asked = {"reason": "asked"}
    for method, path, body in (
        ("GET", f"/v1/orders/{strange}", None),
        ("POST", f"/v1/orders/{strange}/cancel", asked),
        ("POST", f"/v1/orders/{strange}/payments", {"method": "alipay"}),
        ("GET", f"/v1/operator/orders/{strange}", None),
        ("POST", f"/v1/operator/orders/{strange}/extend", {"seconds": 60, **asked}),
        ("POST", f"/v1/operator/orders/{strange}/recheck", asked),
        ("POST", f"/v1/operator/orders/{strange}/cancel", asked),
    ):
        answer = await api.request(method, path, headers=OPERATOR, json=body)
        assert_problem(answer, 404, "NOT_FOUND")


async def test_a_well_formed_id_of_no_order_is_not_found(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    invented = new_order_id(shop.item.item_number, 1_700_000_000_000)

    assert_problem(await api.get(f"/v1/orders/{invented}", headers=ADA), 404, "NOT_FOUND")


async def test_a_placed_order_tells_its_story(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await placed(api, staffed)

    view = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()

    assert view["amount"] == PRICE
    created_at = datetime.fromisoformat(view["created_at"])
    assert datetime.fromisoformat(view["pay_deadline"]) == created_at + timedelta(minutes=30)
    assert "placed" in [line["event"] for line in view["timeline"]]
    assert all(set(line) == {"at", "event", "detail"} for line in view["timeline"])


async def test_a_buyer_lists_her_own_orders(api: httpx.AsyncClient, staffed: Shop) -> None:
    mine = [await placed(api, staffed, ADA), await placed(api, staffed, ADA)]
    await placed(api, staffed, BOB)

    first = (await api.get("/v1/orders?limit=1", headers=ADA)).json()
    cursor = first["next_cursor"]
    second = (await api.get(f"/v1/orders?limit=1&cursor={cursor}", headers=ADA)).json()

    listed = [order["order_id"] for order in first["orders"] + second["orders"]]
    assert listed == sorted(mine, reverse=True)
    assert second["next_cursor"] is None


async def test_a_cancelled_order_is_over(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await placed(api, staffed)
    body = {"reason": "changed my mind"}

    cancelled = await api.post(f"/v1/orders/{accepted}/cancel", json=body, headers=ADA)

    assert cancelled.status_code == 200, cancelled.text
    assert cancelled.json()["status"] == "cancelled"
    assert cancelled.json()["reason"] == "changed my mind"
    assert await staffed.counts() == (5, 0, 0, 5)
    for path, sent in (("payments", {"method": "alipay"}), ("cancel", body)):
        answer = await api.post(f"/v1/orders/{accepted}/{path}", json=sent, headers=ADA)
        assert assert_problem(answer, 409, "INVALID_STATE")["order_status"] == "cancelled"


async def test_a_cancel_needs_no_body(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await placed(api, staffed)

    answer = await api.post(f"/v1/orders/{accepted}/cancel", headers=ADA)

    assert answer.json()["status"] == "cancelled"


@pytest.mark.parametrize("reason", ["r" * 501, "a\0b", 7, ["x"]])
async def test_a_reason_is_a_short_text(api: httpx.AsyncClient, shop: Shop, reason: object) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(f"/v1/orders/{accepted}/cancel", json={"reason": reason}, headers=ADA)

    assert_problem(answer, 422, "INVALID")


async def test_without_temporal_orders_cannot_be_changed(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(settings)) as api:
        path = f"/v1/orders/{await order_id(api, shop)}"

        for call, body in (("payments", {"method": "alipay"}), ("cancel", {"reason": "no"})):
            answer = await api.post(f"{path}/{call}", json=body, headers=ADA)
            assert_problem(answer, 503, "UNAVAILABLE")
        assert (await api.get(path, headers=ADA)).json()["status"] == "queued"
        ready = (await api.get("/readyz")).json()
    assert ready["ok"] is True
    assert ready["dependencies"]["temporal"]["ok"] is False
