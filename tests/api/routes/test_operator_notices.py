"""Operators read what providers told us, and tell it on once more."""

from contextlib import suppress

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.attention import AttentionKind
from domain.ids import workflow_id
from domain.notice import NoticeKind, RefundReport, Verdict, VerifiedNotice
from infra.postgres.notices import Notices
from tests.support.buyers import assert_problem
from tests.support.callers import OPERATOR
from tests.support.kept_notices import attention, begun, kept
from tests.support.polling import eventually
from tests.support.provider_notices import ALIPAY, FORM, alipay_notice
from tests.support.shop import PRICE, Shop


async def test_operators_read_the_inbox_and_replay(
    api: httpx.AsyncClient, staffed: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(staffed)
    notice = alipay_notice(provider_key, payment.payment_id, PRICE)
    await api.post(ALIPAY, content=notice, headers=FORM)
    await api.post(ALIPAY, content=b"forged=1", headers=FORM)

    listed = (await api.get("/v1/operator/notices", headers=OPERATOR)).json()["notices"]

    assert [line["verdict"] for line in listed] == ["bad_signature", "accepted"]
    assert listed[1]["amount"] == PRICE
    assert listed[1]["order_id"] == payment.order_id
    forged, true = (line["notice_id"] for line in listed)
    for query, wanted in {
        "verdict=bad_signature": [forged],
        f"order_id={payment.order_id}": [true],
        f"payment_id={payment.payment_id}&method=alipay&kind=payment": [true],
        "method=wechatpay": [],
        "handled=true&verdict=bad_signature": [],
    }.items():
        page = (await api.get(f"/v1/operator/notices?{query}", headers=OPERATOR)).json()
        assert [line["notice_id"] for line in page["notices"]] == wanted, query
    wrong = await api.get("/v1/operator/notices?verdict=perhaps", headers=OPERATOR)
    assert_problem(wrong, 422, "INVALID")
    refused = await api.post(f"/v1/operator/notices/{forged}/replay", headers=OPERATOR)
    assert assert_problem(refused, 409, "INVALID_STATE")["verdict"] == "bad_signature"
    # On a slow machine the notice itself has started it.
    with suppress(WorkflowAlreadyStartedError):
        await staffed.start(staffed.intent_for(payment.order_id, "ada"))
    replayed = await api.post(f"/v1/operator/notices/{true}/replay", headers=OPERATOR)
    assert replayed.status_code == 200, replayed.text


@pytest.mark.parametrize("notice_id", ["nosuch", "%00", "a%0A", "f" * 64])
async def test_an_unknown_notice_is_not_found(api: httpx.AsyncClient, notice_id: str) -> None:
    answer = await api.post(f"/v1/operator/notices/{notice_id}/replay", headers=OPERATOR)

    assert_problem(answer, 404, "NOT_FOUND")


async def test_money_of_an_order_without_a_workflow_starts_one_and_may_be_told_again(
    api: httpx.AsyncClient, staffed: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(staffed)
    notice = alipay_notice(provider_key, payment.payment_id, PRICE)
    await api.post(ALIPAY, content=notice, headers=FORM)
    handle = staffed.client.get_workflow_handle(workflow_id(payment.order_id))

    async def is_started() -> bool:
        try:
            return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        except RPCError:
            return False

    # By the api, on its own queue, where no worker of this test serves.
    await eventually(is_started, True)
    await handle.terminate()
    (kept_notice,) = await kept(staffed)
    replay = f"/v1/operator/notices/{kept_notice.notice_id}/replay"
    answer = await api.post(replay, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    await eventually(is_started, True)
    await handle.terminate()


async def test_a_refunds_notice_may_be_told_again_too(api: httpx.AsyncClient, shop: Shop) -> None:
    payment = await begun(shop)
    by_hand = RefundReport(
        refund_id="by-hand", payment_id=payment.payment_id, amount=1, succeeded=True
    )
    told = VerifiedNotice(
        provider_notice_id="n",
        kind=NoticeKind.REFUND,
        verdict=Verdict.ACCEPTED,
        payment_id=payment.payment_id,
        refund=by_hand,
    )
    async with shop.database.transaction() as connection:
        await Notices(connection).keep("n", payment.method, told, payment.order_id, b"{}", {})

    answer = await api.post("/v1/operator/notices/n/replay", headers=OPERATOR)

    assert answer.status_code == 200, answer.text
    assert answer.json()["handled_as"] == "unmatched"
    assert await attention(shop) == [(AttentionKind.UNMATCHED_NOTICE, payment.order_id)]


async def test_what_was_kept_in_part_cannot_be_judged_again(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    await api.post(ALIPAY, content=b"forged=1&more=" + b"x" * 20_000, headers=FORM)
    (refused,) = await kept(shop)

    answer = await api.post(f"/v1/operator/notices/{refused.notice_id}/replay", headers=OPERATOR)

    assert assert_problem(answer, 409, "INVALID_STATE")["verdict"] == "bad_signature"
    assert len(await kept(shop)) == 1
