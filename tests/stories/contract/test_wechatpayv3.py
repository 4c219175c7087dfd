"""`wechatpayv3`, the client of WeChat Pay most shops in Python use, at the practice provider; and
what it says of our own calls. Its host is fixed, and so are its paths, which it signs."""

import gzip
import hashlib
import json
import re
from datetime import datetime
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from wechatpayv3 import WeChatPay, WeChatPayType, utils

from infra.gateways.wechatpay.gateway import WechatPayGateway
from tests.support.foreign_merchant import ForeignMerchant, away
from tests.support.letterbox import Letter
from tests.support.merchant import CHINA
from tests.support.merchant_shop import wechatpay_of
from tests.support.recorded_calls import Recorder, every_call

HOST = "api.mch.weixin.qq.com"
_PAIR = re.compile(r'(\w+)="([^"]*)"')


class Tunnel(HTTPAdapter):
    """Ends its TLS, and passes what it says to the practice provider: a proxy would do no more."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: PreparedRequest, *args: Any, **more: Any) -> Response:
        asked = request.url or ""
        assert asked.startswith(f"https://{HOST}/v3/")
        request.url = asked.replace(f"https://{HOST}", self._url)
        request.headers.update({"Host": HOST, "X-Forwarded-Proto": "https"})
        return super().send(request, *args, **more)


@pytest.fixture
def tunnel(merchant: ForeignMerchant, monkeypatch: pytest.MonkeyPatch) -> None:
    tunnel = Tunnel(merchant.url)

    def adapter(session: Session, url: str) -> HTTPAdapter:
        return tunnel

    monkeypatch.setattr(Session, "get_adapter", adapter)


def opened(merchant: ForeignMerchant, **keys: str) -> WeChatPay:
    accounts = merchant.accounts
    return WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=accounts["mchid"],
        private_key=merchant.key("wechatpay_merchant_private.pem"),
        cert_serial_no=accounts["merchant_serial"],
        appid=accounts["appid"],
        apiv3_key=merchant.key("wechatpay_api_v3_key.txt"),
        notify_url=merchant.letterbox.wechatpay_url,
        **keys,
    )


def by_public_key(merchant: ForeignMerchant) -> WeChatPay:
    serial = merchant.accounts["platform_serial"]
    public_key = merchant.key(f"wechatpay_platform/{serial}.pem")
    return opened(merchant, public_key=public_key, public_key_id=serial)


@pytest.fixture(params=["public key", "certificate"])
async def sdk(request: pytest.FixtureRequest, merchant: ForeignMerchant, tunnel: None) -> WeChatPay:
    """In each of its two ways to know who answers; by the second it fetches the certificate
    before its first call."""
    if request.param == "public key":
        return by_public_key(merchant)
    await merchant.switch(sign_by_certificate=1.0)
    return await away(opened, merchant)


async def said(call: Any, *args: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    status, body = await away(call, *args, **more)
    return status, json.loads(body or "{}")


def verified(sdk: WeChatPay, letter: Letter) -> dict[str, Any]:
    told: dict[str, Any] = sdk.callback(letter.headers, letter.body)
    assert told
    return told


async def paid(merchant: ForeignMerchant, sdk: WeChatPay, number: str, **more: str) -> None:
    amount = {"total": 8800, "currency": "CNY"}
    status, offered = await said(
        sdk.pay, description="纸扇 fan", out_trade_no=number, amount=amount, **more
    )
    assert (status, set(offered)) == (200, {"code_url"})
    await merchant.pay(number)


async def test_an_order_is_paid_told_and_asked_about(
    merchant: ForeignMerchant, sdk: WeChatPay
) -> None:
    await paid(merchant, sdk, "order-1", attach="cart-7")
    told = verified(sdk, await merchant.letter(1))
    status, asked = await said(sdk.query, out_trade_no="order-1")
    by_number = await said(sdk.query, transaction_id=asked["transaction_id"])
    closed = await said(sdk.close, out_trade_no="order-1")
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    assert told["resource"] == asked
    assert (status, asked["trade_state"], asked["attach"]) == (200, "SUCCESS", "cart-7")
    assert by_number == (200, asked)
    assert (closed[0], closed[1]["code"]) == (400, "ORDERPAID")


async def test_an_order_nobody_pays_is_closed_unless_somebody_is_paying(
    merchant: ForeignMerchant, sdk: WeChatPay
) -> None:
    await away(sdk.pay, description="fan", out_trade_no="close-1", amount={"total": 1})
    await merchant.provider.put("/trades/close-1/control", json={"user_paying": 1.0})
    paying = await said(sdk.close, out_trade_no="close-1")
    waiting = await said(sdk.query, out_trade_no="close-1")
    await merchant.provider.put("/trades/close-1/control", json={"user_paying": 0.0})
    closed = await said(sdk.close, out_trade_no="close-1")
    assert (paying[0], paying[1]["code"]) == (202, "USER_PAYING")
    assert waiting[1]["trade_state"] == "NOTPAY"
    assert closed == (204, {})
    assert (await said(sdk.query, out_trade_no="close-1"))[1]["trade_state"] == "CLOSED"


async def test_money_goes_back_and_is_told_and_asked_about(
    merchant: ForeignMerchant, sdk: WeChatPay
) -> None:
    await paid(merchant, sdk, "back-1")
    amount = {"refund": 8800, "total": 8800, "currency": "CNY"}
    refund = {"out_refund_no": "r1", "out_trade_no": "back-1", "amount": amount}
    await merchant.provider.put("/trades/back-1/control", json={"not_enough": 1.0})
    poor = await said(sdk.refund, **refund)
    await merchant.provider.put("/trades/back-1/control", json={"not_enough": 0.0})
    accepted = await said(sdk.refund, **refund)
    told = verified(sdk, await merchant.letter(2))
    asked = await said(sdk.query_refund, "r1")
    assert (poor[0], poor[1]["code"]) == (403, "NOT_ENOUGH")
    assert (accepted[0], accepted[1]["status"]) == (200, "PROCESSING")
    assert told["event_type"] == "REFUND.SUCCESS"
    assert asked[1]["status"] == told["resource"]["refund_status"] == "SUCCESS"


async def test_the_days_bill_fits_its_hash(merchant: ForeignMerchant, sdk: WeChatPay) -> None:
    await paid(merchant, sdk, "bill-no-1")
    today = datetime.now(CHINA).date().isoformat()
    status, address = await said(sdk.trade_bill, today)
    file = gzip.decompress((await away(sdk.download_bill, address["download_url"]))[1])
    digest = hashlib.sha1(file, usedforsecurity=False).hexdigest()
    refunds = await said(sdk.trade_bill, today, bill_type="REFUND")
    assert status == 200
    assert digest == address["hash_value"]
    assert "`bill-no-1" in file.decode()
    assert refunds[1]["code"] == "NO_STATEMENT_EXIST"


async def test_whom_it_does_not_know_it_refuses(merchant: ForeignMerchant, sdk: WeChatPay) -> None:
    await merchant.switch(unknown_caller=1.0)
    status, refusal = await said(sdk.query, out_trade_no="nobody")
    assert (status, refusal["code"]) == (401, "SIGN_ERROR")


async def test_who_names_the_old_key_is_answered_by_it(
    merchant: ForeignMerchant, tunnel: None
) -> None:
    sdk = by_public_key(merchant)
    serial = merchant.accounts["platform_serial"]
    await merchant.provider.post("/keys/rotate")
    # It would raise: it knows the one key it was given.
    await paid(merchant, sdk, "old-key-1")
    assert merchant.accounts["platform_serial"] != serial


@pytest.mark.parametrize("folder", ["", "/wechatpay"])
async def test_our_own_calls_are_signed_as_it_signs_them(
    merchant: ForeignMerchant, folder: str
) -> None:
    recorder = Recorder()
    gateway_url = merchant.url + folder
    settings = wechatpay_of(merchant.keys_dir, merchant.url).model_copy(
        update={"gateway_url": gateway_url}
    )
    gateway = WechatPayGateway(settings, "http://127.0.0.1:9", recorder)
    await every_call(gateway, "ours-", merchant.provider)
    await gateway.aclose()
    key = utils.load_private_key(merchant.key("wechatpay_merchant_private.pem"))
    for request in recorder.requests:
        assert _signed_anew(request, key) == request.headers["authorization"]
    assert len({(r.method, r.url.path) for r in recorder.requests}) == 11


def _signed_anew(request: httpx.Request, key: Any) -> str:
    given = dict(_PAIR.findall(request.headers["authorization"]))
    with patch("wechatpayv3.utils.time.time", return_value=int(given["timestamp"])):
        authorization: str = utils.build_authorization(
            request.url.raw_path.decode(),
            request.method,
            given["mchid"],
            given["serial_no"],
            key,
            data=request.content.decode() or None,
            nonce_str=given["nonce_str"],
        )
    return authorization
