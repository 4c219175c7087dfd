"""What operators find, and do to orders."""

from datetime import datetime, timedelta

import httpx
import pytest

from domain.states import OrderStatus
from tests.api.conftest import ADA, BOB, OPERATOR
from tests.support.buyers import assert_problem, order_id, placed, status
from tests.support.shop import Shop


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
