"""Operators read what providers told us, and tell it on once more."""

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.buyers import assert_problem
from tests.support.callers import OPERATOR
from tests.support.kept_notices import begun
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
    refused = await api.post(f"/v1/operator/notices/{forged}/replay", headers=OPERATOR)
    assert assert_problem(refused, 409, "INVALID_STATE")["verdict"] == "bad_signature"
    await staffed.start(staffed.intent_for(payment.order_id, "ada"))
    replayed = await api.post(f"/v1/operator/notices/{true}/replay", headers=OPERATOR)
    assert replayed.status_code == 200, replayed.text


@pytest.mark.parametrize("notice_id", ["nosuch", "%00", "a%0A", "f" * 64])
async def test_an_unknown_notice_is_not_found(api: httpx.AsyncClient, notice_id: str) -> None:
    answer = await api.post(f"/v1/operator/notices/{notice_id}/replay", headers=OPERATOR)

    assert_problem(answer, 404, "NOT_FOUND")
