"""Giving money back over HTTP: who may, what is answered, and that asking twice pays once."""

import asyncio

import httpx
import pytest

from api.app import create_app
from domain.refund import RefundReason
from infra.settings import Settings
from tests.api.conftest import ADA, BOB, OPERATOR, served
from tests.support.buyers import assert_problem, eventually, order_id
from tests.support.refunding import a_paid_order, refunds_of, some_key
from tests.support.shop import PRICE, Shop


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    return settings.model_copy(update={"task_queue": shop.settings.task_queue})


async def paid(shop: Shop) -> str:
    return (await a_paid_order(shop)).intent.order_id


async def ask(
    api: httpx.AsyncClient, order: str, who: dict[str, str] = ADA, reason: str = "too big"
) -> httpx.Response:
    return await api.post(f"/v1/orders/{order}/refunds", json={"reason": reason}, headers=who)


async def give_back(
    api: httpx.AsyncClient, order: str, amount: int | None = None, key: str | None = None
) -> httpx.Response:
    headers = {**OPERATOR, **({"Idempotency-Key": key} if key else {})}
    body = {"amount": amount, "reason": "a scratch"}
    return await api.post(f"/v1/operator/orders/{order}/refund", json=body, headers=headers)


async def order_view(api: httpx.AsyncClient, order: str) -> dict[str, object]:
    view: dict[str, object] = (await api.get(f"/v1/orders/{order}", headers=ADA)).json()
    return view


async def refund_states(api: httpx.AsyncClient, order: str) -> list[object]:
    view = await order_view(api, order)
    refunds = view["refunds"]
    assert isinstance(refunds, list)
    return [refund["status"] for refund in refunds]


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
    path = f"/v1/operator/orders/{order}/refund"
    assert_problem(await api.post(path, json={}, headers=ADA), 403, "FORBIDDEN")
    assert_problem(await api.post(path, json={}), 401, "UNAUTHENTICATED")
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


async def test_an_operator_gives_a_part_back_and_the_order_stays(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = await paid(staffed)

    first = await give_back(api, order, 100)
    assert (first.status_code, first.json()["amount"]) == (202, 100)
    await eventually(lambda: refund_states(api, order), ["done"])
    second = await give_back(api, order, 100)

    assert second.json()["refund_id"] != first.json()["refund_id"]
    await eventually(lambda: refund_states(api, order), ["done", "done"])
    view = await order_view(api, order)
    assert view["status"] == "fulfilled"
    refunds = await refunds_of(staffed, order)
    assert [(one.reason, one.requested_by, one.note) for one in refunds] == [
        (RefundReason.PARTIAL, "operator:olga", "a scratch")
    ] * 2
    whole = await give_back(api, order)
    assert whole.json()["amount"] == PRICE - 200


async def test_the_same_key_gives_back_once(api: httpx.AsyncClient, staffed: Shop) -> None:
    order, key = await paid(staffed), some_key()
    first = await give_back(api, order, 100, key)
    await eventually(lambda: refund_states(api, order), ["done"])

    again = await give_back(api, order, 100, key)
    other = await give_back(api, order, 200, key)

    assert again.json() == {**first.json(), "status": "done"}
    assert_problem(other, 409, "IDEMPOTENCY_MISMATCH")
    assert sum(staffed.alipay.refunded.values()) == 100


async def test_one_part_at_a_time(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await paid(staffed)
    staffed.alipay.takes_refunds_on = True
    first = await give_back(api, order, 100)
    await eventually(lambda: refund_states(api, order), ["accepted"])

    repeated = await give_back(api, order, 100)
    other = await give_back(api, order, 200)
    whole = await give_back(api, order)

    assert repeated.json() == {**first.json(), "status": "accepted"}
    for answer in (other, whole):
        assert_problem(answer, 409, "INVALID_STATE")
    handle = staffed.client.get_workflow_handle((await refunds_of(staffed, order))[0].workflow_id)
    await handle.terminate()


@pytest.mark.parametrize("amount", [0, -1, PRICE + 1, 10**13, 1.5, "100", True])
async def test_an_amount_that_cannot_go_back_is_refused(
    api: httpx.AsyncClient, staffed: Shop, amount: object
) -> None:
    order = await paid(staffed)

    answer = await give_back(api, order, amount)  # type: ignore[arg-type]

    assert assert_problem(answer, 422, "INVALID")["errors"]
    assert staffed.alipay.refunds_asked == []


async def test_points_go_back_as_a_whole(api: httpx.AsyncClient, staffed: Shop) -> None:
    await staffed.grant_points("ada", 1000)
    handle = await staffed.start(intent := await staffed.intent())
    await staffed.pay_with_points(handle)
    await handle.result()

    assert_problem(await give_back(api, intent.order_id, 10), 422, "INVALID")
    assert (await ask(api, intent.order_id)).status_code == 202
    await eventually(lambda: staffed.points("ada"), 1000)


@pytest.mark.parametrize("decision", ["retry", "resolve"])
async def test_an_operator_decides_what_the_provider_declined(
    api: httpx.AsyncClient, staffed: Shop, decision: str
) -> None:
    order = await paid(staffed)
    staffed.alipay.declines_refunds = True
    refund_id = (await ask(api, order)).json()["refund_id"]
    await eventually(lambda: refund_states(api, order), ["failed"])
    path = f"/v1/operator/refunds/{refund_id}/{decision}"
    assert_problem(await api.post(path, json={"reason": "x"}, headers=ADA), 403, "FORBIDDEN")
    staffed.alipay.declines_refunds = False

    async def decided() -> object:
        # The row says failed a moment before its workflow waits for a word.
        return (
            await api.post(path, json={"reason": "the bank is back"}, headers=OPERATOR)
        ).status_code

    await eventually(decided, 200)

    await eventually(lambda: refund_states(api, order), ["done"])
    assert bool(staffed.alipay.refunded) == (decision == "retry")
    late = await api.post(path, json={"reason": "again"}, headers=OPERATOR)
    assert_problem(late, 409, "INVALID_STATE")


async def test_an_unknown_refund_is_not_found(api: httpx.AsyncClient) -> None:
    for name in ("nosuch", "%00", "x" * 500):
        path = f"/v1/operator/refunds/{name}/retry"
        answer = await api.post(path, json={"reason": ""}, headers=OPERATOR)
        assert_problem(answer, 404, "NOT_FOUND")


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
