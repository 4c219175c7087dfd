"""Points over HTTP: looking, giving, paying."""

import httpx
import pytest

from tests.api.conftest import ADA, BOB, OPERATOR
from tests.support.buyers import assert_problem, eventually, order_id
from tests.support.shop import POINTS_PRICE, Shop


async def give(api: httpx.AsyncClient, amount: object, key: str = "gift") -> httpx.Response:
    body = {"user_id": "ada", "amount": amount, "reason": "welcome"}
    headers = {**OPERATOR, "Idempotency-Key": key}
    return await api.post("/v1/operator/points", json=body, headers=headers)


async def test_who_has_no_account_has_no_points(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/me/points", headers=ADA)
    assert answer.json() == {"balance": 0, "entries": []}


async def test_a_gift_is_given_once_and_names_who_gave_it(api: httpx.AsyncClient) -> None:
    await give(api, 50)
    assert (await give(api, 50)).json()["balance"] == 50

    account = (await api.get("/v1/me/points", headers=ADA)).json()
    (entry,) = account["entries"]
    assert (entry["kind"], entry["amount"], entry["balance_after"]) == ("grant", 50, 50)
    assert entry["note"] == "welcome (operator:olga)"


@pytest.mark.parametrize("amount", [0, -1, "5", 1.5, None, 10**12])
async def test_a_gift_is_a_whole_number_above_zero(api: httpx.AsyncClient, amount: object) -> None:
    assert_problem(await give(api, amount), 422, "INVALID")


async def test_buyers_give_no_points(api: httpx.AsyncClient) -> None:
    body = {"user_id": "ada", "amount": 5, "reason": "please"}
    answer = await api.post("/v1/operator/points", json=body, headers=ADA)
    assert_problem(answer, 403, "FORBIDDEN")


async def test_an_order_is_paid_with_points(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await order_id(api, staffed, ADA)
    await staffed.start(staffed.intent_for(accepted, "ada"))
    path = f"/v1/orders/{accepted}/payments"

    async def pay(who: dict[str, str]) -> httpx.Response:
        return await api.post(path, json={"method": "points"}, headers=who)

    async def placed() -> object:
        return (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()["status"]

    await eventually(placed, "pending_payment")
    refused = await pay(ADA)
    assert_problem(refused, 409, "INSUFFICIENT_POINTS")
    assert (refused.json()["balance"], refused.json()["needed"]) == (0, POINTS_PRICE)
    assert_problem(await pay(BOB), 404, "NOT_FOUND")
    assert_problem(await pay(OPERATOR), 403, "FORBIDDEN")

    await give(api, POINTS_PRICE)
    paid = (await pay(ADA)).json()
    assert (paid["method"], paid["status"], paid["action"]) == ("points", "paid", None)
