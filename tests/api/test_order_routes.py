"""A buyer's orders: looking, paying, giving up; and what operators do to them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest

from api.app import create_app
from domain.ids import new_order_id
from domain.states import OrderStatus
from infra.settings import Settings
from tests.api.buyers import assert_problem, click, eventually, order_id
from tests.api.conftest import ADA, BOB, OPERATOR, served
from tests.shop import PRICE, Shop

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


@pytest.fixture
async def staffed(shop: Shop) -> AsyncIterator[Shop]:
    """The shop with a worker: orders that are started go on."""
    async with shop.worker():
        yield shop


async def placed(api: httpx.AsyncClient, shop: Shop, who: dict[str, str] = ADA) -> str:
    """An order that waits to be paid."""
    accepted = await order_id(api, shop, who)
    user_id = "ada" if who is ADA else "bob"
    await shop.start(shop.intent_for(accepted, user_id))
    await eventually(lambda: status(api, accepted, who), "pending_payment")
    return accepted


async def status(api: httpx.AsyncClient, accepted: str, who: dict[str, str] = ADA) -> object:
    return (await api.get(f"/v1/orders/{accepted}", headers=who)).json().get("status")


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

    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/payments")):
        answer = await api.request(
            method, f"/v1/orders/{accepted}{path}", headers=BOB, json={"method": "alipay"}
        )
        assert_problem(answer, 404, "NOT_FOUND")
    assert await status(api, accepted, OPERATOR) == "queued"


@pytest.mark.parametrize("strange", STRANGE_IDS)
async def test_an_unknown_order_is_not_found(api: httpx.AsyncClient, strange: str) -> None:
    calls = (
        ("GET", f"/v1/orders/{strange}"),
        ("POST", f"/v1/orders/{strange}/cancel"),
        ("POST", f"/v1/orders/{strange}/payments"),
        ("GET", f"/v1/operator/orders/{strange}"),
        ("POST", f"/v1/operator/orders/{strange}/extend"),
        ("POST", f"/v1/operator/orders/{strange}/recheck"),
        ("POST", f"/v1/operator/orders/{strange}/cancel"),
    )
    for method, path in calls:
        body = {"method": "alipay", "seconds": 60, "reason": "asked"}
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


async def test_a_payment_is_begun_once_per_method(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await placed(api, staffed)
    path = f"/v1/orders/{accepted}/payments"

    first = await api.post(path, json={"method": "alipay"}, headers=ADA)
    again = await api.post(path, json={"method": "alipay"}, headers=ADA)

    assert first.status_code == again.status_code == 200
    payment = first.json()
    assert payment == again.json()
    assert payment["method"] == "alipay"
    assert payment["status"] == "created"
    assert payment["out_trade_no"] == payment["payment_id"]
    assert payment["action"] == {"type": "qr", "code_url": f"practice://{payment['payment_id']}"}
    view = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()
    assert view["payment"]["payment_id"] == payment["payment_id"]
    assert view["payment"]["amount"] == PRICE
    assert view["payment"]["paid_at"] is view["payment"]["trade_no"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"method": "cash"},
        {"method": None},
        {"method": 1},
        {"method": ["alipay"]},
        {"method": "alipay", "scene": "telepathy"},
        [],
        None,
        "alipay",
    ],
)
async def test_a_method_we_do_not_have_is_invalid(
    api: httpx.AsyncClient, shop: Shop, body: object
) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(f"/v1/orders/{accepted}/payments", json=body, headers=ADA)

    assert assert_problem(answer, 422, "INVALID")["errors"]


async def test_a_provider_that_is_not_set_up_can_be_neither_used_nor_heard(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECKILL_WECHATPAY_GATEWAY_URL")
    async with served(create_app(settings)) as api:
        accepted = await order_id(api, shop)
        path = f"/v1/orders/{accepted}/payments"

        begun = await api.post(path, json={"method": "wechatpay"}, headers=ADA)

        assert_problem(begun, 422, "INVALID")
        assert_problem(await api.post("/v1/webhooks/wechatpay", content=b"{}"), 404, "NOT_FOUND")


async def test_a_paid_order_can_be_neither_paid_nor_cancelled(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    accepted = await placed(api, staffed)
    path = f"/v1/orders/{accepted}/payments"
    begun = await api.post(path, json={"method": "alipay"}, headers=ADA)
    staffed.alipay.pay(begun.json()["payment_id"])
    rechecked = await api.post(f"/v1/operator/orders/{accepted}/recheck", headers=OPERATOR)
    assert rechecked.status_code == 200, rechecked.text
    await eventually(lambda: status(api, accepted), "fulfilled")

    for path, body in (("payments", {"method": "alipay"}), ("cancel", {"reason": "no"})):
        answer = await api.post(f"/v1/orders/{accepted}/{path}", json=body, headers=ADA)
        assert assert_problem(answer, 409, "INVALID_STATE")["order_status"] == "fulfilled"
    view = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()
    assert view["payment"]["status"] == "paid"
    assert view["payment"]["trade_no"] and view["payment"]["paid_at"]


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


async def test_a_queued_order_cannot_be_paid_before_its_workflow_runs(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(
        f"/v1/orders/{accepted}/payments", json={"method": "alipay"}, headers=ADA
    )

    assert assert_problem(answer, 409, "INVALID_STATE")["order_status"] == "queued"


async def test_an_operators_extension_is_on_record(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await placed(api, staffed)
    before = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()["pay_deadline"]

    answer = await api.post(
        f"/v1/operator/orders/{accepted}/extend",
        json={"seconds": 600, "reason": "the bank was slow"},
        headers=OPERATOR,
    )

    assert answer.status_code == 200, answer.text
    longer = datetime.fromisoformat(answer.json()["pay_deadline"])
    assert longer == datetime.fromisoformat(before) + timedelta(seconds=600)
    view = (await api.get(f"/v1/operator/orders/{accepted}", headers=OPERATOR)).json()
    line = next(line for line in view["timeline"] if line["event"] == "deadline_extended")
    assert line["actor"] == "operator:olga"
    assert "the bank was slow" in line["detail"]


@pytest.mark.parametrize("seconds", [0, -1, 10**9, "600", 1.0, True, None])
async def test_an_extension_is_a_whole_number_of_seconds(
    api: httpx.AsyncClient, shop: Shop, seconds: object
) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(
        f"/v1/operator/orders/{accepted}/extend", json={"seconds": seconds}, headers=OPERATOR
    )

    assert_problem(answer, 422, "INVALID")


async def test_an_operators_cancel_names_the_operator(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    accepted = await placed(api, staffed)

    answer = await api.post(
        f"/v1/operator/orders/{accepted}/cancel", json={"reason": "fraud"}, headers=OPERATOR
    )

    assert answer.json()["status"] == "cancelled"
    view = (await api.get(f"/v1/operator/orders/{accepted}", headers=OPERATOR)).json()
    assert view["timeline"][-1]["actor"] == "operator:olga"
    assert view["timeline"][-1]["detail"] == "fraud"


async def test_operators_find_orders(api: httpx.AsyncClient, staffed: Shop) -> None:
    hers, his = await placed(api, staffed, ADA), await placed(api, staffed, BOB)
    begun = await api.post(f"/v1/orders/{his}/payments", json={"method": "alipay"}, headers=BOB)

    async def found(**query: str) -> list[str]:
        page = await api.get("/v1/operator/orders", params=query, headers=OPERATOR)
        assert page.status_code == 200, page.text
        return [order["order_id"] for order in page.json()["orders"]]

    assert await found(user_id="ada") == [hers]
    assert await found(order_id=his) == [his]
    assert await found(trade_no=begun.json()["out_trade_no"]) == [his]
    assert await found(status="pending_payment") == [his, hers]
    assert await found(status="paid") == []
    assert await found(user_id="'; --") == []


@pytest.mark.parametrize("query", ["status=lost", "user_id=%00", "limit=-1", "trade_no=a%0Ab"])
async def test_a_search_that_makes_no_sense_is_invalid(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/v1/operator/orders?{query}", headers=OPERATOR)

    assert_problem(answer, 422, "INVALID")


async def test_buyers_are_no_operators(api: httpx.AsyncClient, shop: Shop) -> None:
    accepted = await order_id(api, shop)
    calls = (
        ("GET", "/v1/operator/orders"),
        ("GET", f"/v1/operator/orders/{accepted}"),
        ("POST", f"/v1/operator/orders/{accepted}/extend"),
        ("POST", f"/v1/operator/orders/{accepted}/cancel"),
        ("POST", "/v1/operator/sales"),
        ("POST", f"/v1/operator/sales/{shop.sale.sale_id}/publish"),
        ("GET", "/v1/operator/attention"),
        ("GET", "/v1/operator/notices"),
        ("POST", "/v1/operator/notices/abc/replay"),
        ("GET", "/v1/operator/audits"),
    )
    for method, path in calls:
        body = {"seconds": 60}
        assert_problem(await api.request(method, path, headers=ADA, json=body), 403, "FORBIDDEN")
    assert await status(api, accepted) == OrderStatus.QUEUED
