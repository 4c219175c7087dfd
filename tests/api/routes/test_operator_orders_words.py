"""What operators write for themselves stays among them, and what they do is not put down as the
buyer's."""

import json
from typing import Any

import httpx
import pytest

from infra.settings import Settings
from tests.support.buyers import order_id, placed
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import decide, give_back, view_of
from tests.support.polling import eventually
from tests.support.refunds_asked import order_view, paid
from tests.support.shop import Shop
from tests.support.skipping import needs_attention
from workflows import deliveries

SECRET = "SUSPECTED FRAUD, internal"
WHY = {"reason": SECRET}


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    return settings.model_copy(update={"task_queue": shop.settings.task_queue})


async def seen_by_the_buyer(api: httpx.AsyncClient, order: str) -> str:
    """All that the buyer can read of the order and of the points."""
    answers = [
        await api.get(path, headers=ADA)
        for path in (f"/v1/orders/{order}", "/v1/orders", "/v1/me/points")
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    return "".join(answer.text for answer in answers)


async def assert_kept_among_operators(api: httpx.AsyncClient, order: str) -> None:
    seen = await seen_by_the_buyer(api, order)
    assert SECRET not in seen
    assert "olga" not in seen
    assert SECRET in json.dumps(await view_of(api, order))


@pytest.mark.parametrize(
    ("call", "body"),
    [("recheck", WHY), ("extend", {**WHY, "seconds": 60}), ("cancel", WHY)],
    ids=["recheck", "extend", "cancel"],
)
async def test_why_an_operator_changed_an_order(
    api: httpx.AsyncClient, staffed: Shop, call: str, body: dict[str, Any]
) -> None:
    order = await placed(api, staffed)

    answer = await decide(api, f"orders/{order}/{call}", body)

    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    await assert_kept_among_operators(api, order)


async def test_that_something_was_done_the_buyer_may_know(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = await placed(api, staffed)
    await decide(api, f"orders/{order}/cancel", WHY)

    view = await order_view(api, order)

    assert view["reason"] == "cancelled by an operator"
    timeline: Any = view["timeline"]
    assert (timeline[-1]["event"], timeline[-1]["detail"]) == ("cancelled", "")


async def test_why_an_operator_skipped_a_delivery(
    api: httpx.AsyncClient, staffed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "PAUSES", ())
    order = await order_id(api, staffed)
    staffed.sender.fails[order] = 100
    await staffed.pay(handle := await staffed.start(staffed.intent_for(order, "ada")))
    await eventually(lambda: needs_attention(handle), True)
    failed = await seen_by_the_buyer(api, order)

    await decide(api, f"orders/{order}/deliveries/message/skip", WHY)

    async def status() -> object:
        return (await order_view(api, order))["status"]

    await eventually(status, "fulfilled")
    await assert_kept_among_operators(api, order)
    # The error of a machine of ours is nothing for the buyer either.
    assert "MessageNotSent" not in failed


async def test_why_an_operator_gave_money_back(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await paid(staffed)

    answer = await api.post(f"/v1/operator/orders/{order}/refund", json=WHY, headers=OPERATOR)

    assert answer.status_code == 202, answer.text
    await eventually(lambda: _status(api, order), "refunded")
    await assert_kept_among_operators(api, order)
    # The provider shows the reason to the buyer.
    assert staffed.alipay.refund_reasons == ["given back by the shop"]


async def _status(api: httpx.AsyncClient, order: str) -> object:
    return (await order_view(api, order))["status"]


async def test_a_buyers_own_reason_is_told_to_the_provider(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = await paid(staffed)

    await api.post(f"/v1/orders/{order}/refunds", json={"reason": "too big"}, headers=ADA)

    await eventually(lambda: _status(api, order), "refunded")
    assert staffed.alipay.refund_reasons == ["too big"]


async def test_a_part_given_back_says_nothing_of_who(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await paid(staffed)

    assert (await give_back(api, order, 100)).status_code == 202

    seen = await seen_by_the_buyer(api, order)
    assert "a scratch" not in seen
    assert "olga" not in seen


async def test_an_operator_who_cancels_as_a_buyer_would_is_on_record(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = await placed(api, staffed)

    answer = await api.post(f"/v1/orders/{order}/cancel", headers=OPERATOR)

    assert answer.json()["reason"] == "cancelled by an operator"
    last = (await view_of(api, order))["timeline"][-1]
    assert (last["actor"], last["detail"]) == ("operator:olga", "cancelled by an operator")


async def test_an_operator_who_asks_for_a_refund_as_a_buyer_would_is_on_record(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = await paid(staffed)

    answer = await api.post(f"/v1/orders/{order}/refunds", headers=OPERATOR)

    assert answer.status_code == 202, answer.text
    lines = [
        line
        for line in (await view_of(api, order))["timeline"]
        if line["event"] == "refund_requested"
    ]
    assert [line["actor"] for line in lines] == ["operator:olga"]
    assert "asked for by an operator" in lines[0]["detail"]
