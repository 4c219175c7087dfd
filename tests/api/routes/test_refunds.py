"""A buyer gets the money back: who may ask, what is answered, and that asking twice pays once."""

import asyncio

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.support.buyers import assert_problem, order_id
from tests.support.callers import ADA, BOB, served
from tests.support.operators import give_back
from tests.support.polling import eventually
from tests.support.refunding import refunds_of
from tests.support.refunds_asked import ask, order_view, paid, refund_states
from tests.support.shop import PRICE, Shop


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    return settings.model_copy(update={"task_queue": shop.settings.task_queue})


async def test_a_buyer_cannot_name_an_amount(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await paid(staffed)

    body = {"reason": "x", "amount": 1}
    answer = await api.post(f"/v1/orders/{order}/refunds", json=body, headers=ADA)

    (error,) = assert_problem(answer, 422, "INVALID")["errors"]
    assert error["loc"] == ["body", "amount"]
    assert await refund_states(api, order) == []


async def test_a_buyer_gets_all_money_back_and_asking_again_is_answered_alike(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = await paid(staffed)

    first = await ask(api, order)

    assert first.status_code == 202, first.text
    assert first.json()["amount"] == PRICE

    async def status() -> object:
        return (await order_view(api, order))["status"]

    await eventually(status, "refunded")
    again = await ask(api, order, reason="twice")
    assert again.status_code == 202
    assert again.json() == {**first.json(), "status": "done"}
    assert await refund_states(api, order) == ["done"]
    assert len(staffed.alipay.refunds_asked) == 1
    await eventually(staffed.counts, (5, 0, 0, 5))


async def test_ten_requests_at_once_are_one_refund(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await paid(staffed)

    answers = await asyncio.gather(*(ask(api, order) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["refund_id"] for answer in answers}) == 1
    await eventually(lambda: refund_states(api, order), ["done"])
    assert list(staffed.alipay.refunded.values()) == [PRICE]


async def test_only_the_buyer_and_operators_may_ask(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await paid(staffed)

    assert_problem(await ask(api, order, BOB), 404, "NOT_FOUND")
    path, reason = f"/v1/operator/orders/{order}/refund", {"reason": "a scratch"}
    assert_problem(await api.post(path, json=reason, headers=ADA), 403, "FORBIDDEN")
    assert_problem(await api.post(path, json=reason), 401, "UNAUTHENTICATED")
    assert_problem(await ask(api, "nosuchorder"), 404, "NOT_FOUND")
    assert_problem(await give_back(api, "nosuchorder"), 404, "NOT_FOUND")


async def test_what_is_not_paid_has_nothing_to_give_back(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    queued = await order_id(api, staffed)
    assert assert_problem(await ask(api, queued), 409, "INVALID_STATE")["order_status"] == "queued"
    handle = await staffed.start(staffed.intent_for(queued, "ada"))
    await staffed.cancel(handle)

    for answer in (await ask(api, queued), await give_back(api, queued)):
        assert assert_problem(answer, 409, "INVALID_STATE")["order_status"] == "cancelled"


async def test_without_a_worker_a_refund_is_taken_and_made_later(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    async with shop.worker():
        order = await paid(shop)

    taken = await ask(api, order)

    assert (taken.status_code, taken.json()["status"]) == (202, "requested")
    async with shop.worker():
        await eventually(lambda: refund_states(api, order), ["done"])


async def test_while_temporal_is_away_a_refund_has_to_be_asked_for_again(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop.worker():
        order = await paid(shop)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(settings)) as api:
        assert_problem(await ask(api, order), 503, "UNAVAILABLE")
    assert await refunds_of(shop, order) == ()
