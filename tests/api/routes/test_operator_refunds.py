"""Operators give money back, a part or all of it, and decide what failed."""

import httpx
import pytest

from domain.notice import RefundReport
from domain.refund import RefundReason
from infra.settings import Settings
from notices.relay import RelayOutcome
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.kept_notices import keep_refund_notice
from tests.support.operators import decide, give_back
from tests.support.polling import eventually
from tests.support.refunding import (
    a_paid_order,
    an_order_paid_with_points,
    refunds_of,
    some_key,
    sums,
)
from tests.support.refunds_asked import ask, order_view, paid, refund_states
from tests.support.shop import PRICE, Shop


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    return settings.model_copy(update={"task_queue": shop.settings.task_queue})


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


@pytest.mark.parametrize("member", ["ammount", "Amount", "amount ", "all"])
async def test_a_misspelt_amount_gives_nothing_back(
    api: httpx.AsyncClient, staffed: Shop, member: str
) -> None:
    order = await paid(staffed)

    body = {member: 100, "reason": "a scratch"}
    answer = await decide(api, f"orders/{order}/refund", body)

    (error,) = assert_problem(answer, 422, "INVALID")["errors"]
    assert error["loc"] == ["body", member]
    assert await refund_states(api, order) == []
    assert staffed.alipay.refunds_asked == []


async def test_without_an_amount_all_goes_back(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await paid(staffed)

    answer = await decide(api, f"orders/{order}/refund", {"reason": "a scratch"})

    assert answer.status_code == 202, answer.text
    assert answer.json()["amount"] == PRICE


@pytest.mark.parametrize(
    "decision", ["refunds/nosuch/resolve", "orders/nosuch/refund", "orders/nosuch/cancel"]
)
async def test_what_cannot_be_taken_back_needs_a_reason(
    api: httpx.AsyncClient, decision: str
) -> None:
    for body in ({}, {"reason": " "}, {"reason": ""}):
        (error,) = assert_problem(await decide(api, decision, body), 422, "INVALID")["errors"]
        assert error["loc"] == ["body", "reason"]


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


async def test_what_went_back_in_the_providers_console_is_written_down(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    paid_order = await a_paid_order(staffed)
    order = paid_order.intent.order_id
    news = RefundReport(
        refund_id="RA-console",
        payment_id=paid_order.receipt.payment_id,
        amount=PRICE,
        succeeded=True,
    )
    notice = await keep_refund_notice(staffed, order, news)
    assert await staffed.relay().relay(notice) is RelayOutcome.UNMATCHED
    ((attention_id, advice),) = await _open_attentions(api)
    assert "by_hand" in advice

    path, reason = f"/v1/operator/orders/{order}/refund", "given back in the console"
    body = {"reason": reason, "by_hand": True}
    assert_problem(await api.post(path, json=body, headers=ADA), 403, "FORBIDDEN")
    assert (await api.post(path, json=body, headers=OPERATOR)).status_code == 202

    await eventually(lambda: refund_states(api, order), ["done"])
    assert (await order_view(api, order))["status"] == "refunded"
    assert staffed.alipay.refunds_asked == []
    assert await sums(staffed, order) == (PRICE, PRICE)
    resolve = f"/v1/operator/attention/{attention_id}/resolve"
    await api.post(resolve, json={"reason": reason}, headers=OPERATOR)
    assert await _open_attentions(api) == []


async def test_points_are_not_written_down_as_given_back(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    order = (await an_order_paid_with_points(staffed, "ada")).intent.order_id
    path, body = f"/v1/operator/orders/{order}/refund", {"reason": "x", "by_hand": True}

    assert_problem(await api.post(path, json=body, headers=OPERATOR), 422, "INVALID")


async def _open_attentions(api: httpx.AsyncClient) -> list[tuple[int, str]]:
    page = (await api.get("/v1/operator/attention", headers=OPERATOR)).json()
    return [(row["attention_id"], row["advice"]) for row in page["attention"]]


async def test_an_unknown_refund_is_not_found(api: httpx.AsyncClient) -> None:
    for name in ("nosuch", "%00", "x" * 500):
        path = f"/v1/operator/refunds/{name}/retry"
        answer = await api.post(path, json={"reason": ""}, headers=OPERATOR)
        assert_problem(answer, 404, "NOT_FOUND")
