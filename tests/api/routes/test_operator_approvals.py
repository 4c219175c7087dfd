"""Refunds and gifts above an amount, over HTTP: two people, and the money once."""

import httpx
import pytest

from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR, bearer
from tests.support.operators import WHY, give, give_back
from tests.support.polling import eventually
from tests.support.refunding import refunds_of
from tests.support.refunds_asked import paid, refund_states
from tests.support.shop import PRICE, Shop

OTTO = bearer("otto", "operator")
APPROVALS = "/v1/operator/approvals"


@pytest.fixture
def settings(settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SECKILL_APPROVAL_REFUND_ABOVE", "500")
    monkeypatch.setenv("SECKILL_APPROVAL_POINTS_A_DAY_ABOVE", "100")
    # With a queue of its own the app is its own, and reads these.
    return settings.model_copy(update={"task_queue": shop.settings.task_queue})


async def approve(
    api: httpx.AsyncClient, approval_id: str, who: dict[str, str] = OTTO
) -> httpx.Response:
    return await api.post(f"{APPROVALS}/{approval_id}/approve", headers=who)


async def test_a_large_refund_waits_for_another_operator(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = await paid(staffed)
    small = await give_back(api, order, 500)
    assert small.json()["amount"] == 500
    await eventually(lambda: refund_states(api, order), ["done"])

    first, again = [await give_back(api, order, 1, "key") for _ in range(2)]

    assert first.status_code == 202
    assert first.json() == again.json()
    assert first.json()["status"] == "awaiting_approval"
    assert await refund_states(api, order) == ["done"]
    approval_id = first.json()["approval_id"]
    assert_problem(await approve(api, approval_id, OPERATOR), 403, "FORBIDDEN")
    assert_problem(await approve(api, approval_id, ADA), 403, "FORBIDDEN")
    answers = [(await approve(api, approval_id)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0]["status"], answers[0]["decided_by"]) == ("done", "operator:otto")
    await eventually(lambda: refund_states(api, order), ["done", "done"])
    told = (await give_back(api, order, 1, "key")).json()
    assert (told["status"], told["outcome"]) == ("done", answers[0]["outcome"])
    last = (await refunds_of(staffed, order))[-1]
    assert (last.amount, last.requested_by) == (1, "operator:olga")
    assert last.note == "a scratch (approved by operator:otto)"
    assert_problem(await give_back(api, order, 2, "key"), 409, "IDEMPOTENCY_MISMATCH")
    assert_problem(await give_back(api, order, PRICE), 422, "INVALID")


async def test_a_day_of_gifts_is_added_up_and_given_once(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    assert (await give(api, 100, "a")).json()["balance"] == 100

    waits = await give(api, 1, "b")

    assert (waits.status_code, waits.json()["status"]) == (202, "awaiting_approval")
    assert (await give(api, 100, "a")).json()["balance"] == 100
    listed = (await api.get(f"{APPROVALS}?status=requested", headers=OTTO)).json()["approvals"]
    assert [(one["kind"], one["subject"], one["amount"]) for one in listed] == [
        ("points", "ada", 1)
    ]
    assert (await approve(api, waits.json()["approval_id"])).json()["status"] == "done"
    assert await shop.points("ada") == 101
    assert (await give(api, 1, "b")).json()["status"] == "done"
    assert await shop.points("ada") == 101


async def test_wrong_decisions_say_what_is_wrong(api: httpx.AsyncClient, shop: Shop) -> None:
    approval_id = (await give(api, 101, "c")).json()["approval_id"]
    path = f"{APPROVALS}/{approval_id}"

    assert_problem(await api.post(f"{path}/refuse", json={}, headers=OTTO), 422, "INVALID")
    assert_problem(await api.post(f"{path}/approve", json={"x": 1}, headers=OTTO), 422, "INVALID")
    assert_problem(await api.get(f"{APPROVALS}?status=lost", headers=OTTO), 422, "INVALID")
    assert_problem(await api.get(APPROVALS, headers=ADA), 403, "FORBIDDEN")
    for unknown in ("nosuch", "%00"):
        assert_problem(await approve(api, unknown), 404, "NOT_FOUND")
    refused = await api.post(f"{path}/refuse", json=WHY, headers=OTTO)
    assert (refused.status_code, refused.json()["status"]) == (200, "refused")
    assert_problem(await approve(api, approval_id), 409, "INVALID_STATE")
    assert await shop.points("ada") == 0
