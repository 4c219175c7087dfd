"""What WeChat Pay's notices look like on the wire."""

import json

import httpx
import pytest

from practice.provider.wechatpay_wire import Failure, compact, from_rfc3339, rfc3339
from tests.support.letterbox import Letterbox
from tests.support.merchant import WechatPayMerchant


async def test_a_payment_is_told_in_a_signed_and_sealed_notice(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await wechatpay.paid("native-2")
    letter = (await letterbox.arrived(1))[0]
    resource = wechatpay.resource(letter)
    order = (await wechatpay.query("native-2")).json()
    assert wechatpay.authentic(letter.headers, letter.body)
    assert json.loads(letter.body)["event_type"] == "TRANSACTION.SUCCESS"
    assert resource == order
    assert (resource["trade_state"], resource["mchid"]) == ("SUCCESS", wechatpay.mchid)
    assert resource["amount"]["payer_total"] == 8800


async def test_what_the_merchant_attached_comes_back_with_the_money(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await wechatpay.create("attach-1", attach="cart-7")
    await provider.post("/trades/attach-1/pay")
    letter = (await letterbox.arrived(1))[0]
    assert wechatpay.resource(letter)["attach"] == "cart-7"
    assert (await wechatpay.query("attach-1")).json()["attach"] == "cart-7"


def test_a_moment_is_written_in_chinas_time_and_read_back() -> None:
    assert rfc3339(0.5) == "1970-01-01T08:00:00+08:00"
    assert from_rfc3339("1970-01-01T08:01:00+08:00") == 60


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-21T10:00:00", None])
def test_a_moment_without_its_zone_is_none(text: object) -> None:
    with pytest.raises(Failure) as failure:
        from_rfc3339(text)
    assert failure.value.fields()["code"] == "PARAM_ERROR"


def test_what_is_signed_is_as_short_as_json_can_be() -> None:
    assert compact({"a": ["丙", 1]}) == '{"a":["丙",1]}'.encode()
