"""A buyer's points: looking at them, giving them."""

import httpx
import pytest

from tests.support.buyers import assert_problem
from tests.support.callers import ADA
from tests.support.operators import give


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
