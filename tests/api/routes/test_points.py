"""A buyer's points: looking at them, giving them."""

import asyncio

import httpx
import pytest

from infra.postgres.engine import Database
from infra.postgres.points import Points
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import give


async def test_who_has_no_account_has_no_points(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/me/points", headers=ADA)
    assert answer.json() == {"balance": 0, "owed": 0, "entries": [], "next_cursor": None}


async def test_a_gift_is_given_once_and_names_who_gave_it(
    api: httpx.AsyncClient, database: Database
) -> None:
    await give(api, 50)
    assert (await give(api, 50)).json()["balance"] == 50

    account = (await api.get("/v1/me/points", headers=ADA)).json()
    (entry,) = account["entries"]
    assert (entry["kind"], entry["amount"], entry["balance_after"]) == ("grant", 50, 50)
    # Who gave it is for the books; the buyer reads why.
    assert entry["note"] == "welcome"
    async with database.transaction() as connection:
        (kept,), _ = await Points(connection).page("ada", None, 10)
    assert kept.note == "welcome (operator:olga)"


async def grant(api: httpx.AsyncClient, user: str, amount: int, key: str) -> httpx.Response:
    body = {"user_id": user, "amount": amount, "reason": "welcome"}
    headers = {**OPERATOR, "Idempotency-Key": key}
    return await api.post("/v1/operator/points", json=body, headers=headers)


async def test_an_account_is_read_page_by_page(api: httpx.AsyncClient) -> None:
    for amount in (1, 2, 3):
        await grant(api, "ada", amount, f"k{amount}")

    first = (await api.get("/v1/me/points", params={"limit": 2}, headers=ADA)).json()
    query = {"limit": 2, "cursor": first["next_cursor"]}
    last = (await api.get("/v1/me/points", params=query, headers=ADA)).json()

    told = [[entry["amount"] for entry in page["entries"]] for page in (first, last)]
    assert told == [[3, 2], [1]]
    assert (last["balance"], last["next_cursor"]) == (6, None)
    odd = await api.get("/v1/me/points", params={"cursor": "?"}, headers=ADA)
    assert assert_problem(odd, 422, "INVALID")["errors"][0]["loc"] == ["query", "cursor"]


async def test_one_key_is_one_gift(api: httpx.AsyncClient) -> None:
    assert (await grant(api, "ada", 100, "k")).json()["balance"] == 100

    for user, amount in (("bob", 100), ("ada", 999)):
        answer = await grant(api, user, amount, "k")
        assert_problem(answer, 409, "IDEMPOTENCY_MISMATCH")
    assert (await grant(api, "ada", 100, "k")).json()["balance"] == 100
    assert (await grant(api, "bob", 100, "another")).json()["balance"] == 100


async def test_an_empty_key_is_no_key(api: httpx.AsyncClient) -> None:
    assert_problem(await grant(api, "ada", 5, ""), 422, "INVALID")
    assert_problem(await grant(api, "ada", 5, "k" * 129), 422, "INVALID")


@pytest.mark.parametrize("users", [("ada",), ("ada", "bob", "cy", "dan")], ids=["one", "four"])
async def test_many_gifts_at_once_under_one_key_are_one(
    api: httpx.AsyncClient, users: tuple[str, ...]
) -> None:
    for number in range(8):
        answers = await asyncio.gather(
            *(grant(api, user, 10, f"key-{number}") for user in users * (8 // len(users)))
        )
        given = [answer for answer in answers if answer.status_code == 200]
        assert {answer.status_code for answer in answers} <= {200, 409}
        # All repeats of the gift that came first, and nobody else's.
        assert len(given) == 8 // len(users)


async def test_a_gifts_reason_may_look_like_a_name(api: httpx.AsyncClient) -> None:
    body = {"user_id": "ada", "amount": 5, "reason": "as promised (operator:you know who)"}
    answer = await api.post("/v1/operator/points", json=body, headers=OPERATOR)

    assert answer.json()["entries"][0]["note"] == body["reason"]


@pytest.mark.parametrize("amount", [0, -1, "5", 1.5, None, 10**12])
async def test_a_gift_is_a_whole_number_above_zero(api: httpx.AsyncClient, amount: object) -> None:
    assert_problem(await give(api, amount), 422, "INVALID")


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": ""},
        {"reason": " \u200b"},
        {"user_id": ""},
        {"user_id": "a\u200bb"},
        {"user_id": "u" * 129},
        {"note": "x"},
    ],
)
async def test_a_gift_says_to_whom_and_why(api: httpx.AsyncClient, changes: dict[str, str]) -> None:
    body = {"user_id": "ada", "amount": 1, "reason": "welcome", **changes}

    answer = await api.post("/v1/operator/points", json=body, headers=OPERATOR)

    assert assert_problem(answer, 422, "INVALID")["errors"]


async def test_buyers_give_no_points(api: httpx.AsyncClient) -> None:
    body = {"user_id": "ada", "amount": 5, "reason": "please"}
    answer = await api.post("/v1/operator/points", json=body, headers=ADA)
    assert_problem(answer, 403, "FORBIDDEN")
