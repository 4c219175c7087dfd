"""`alipay-sdk-python`, Alipay's own, at the practice provider; and what it says of our own calls.
Whatever it is answered, it verifies before it hands it on."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.request.AlipayDataDataserviceBillDownloadurlQueryRequest import (
    AlipayDataDataserviceBillDownloadurlQueryRequest as BillRequest,
)
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import (
    AlipayTradeFastpayRefundQueryRequest,
)
from alipay.aop.api.request.AlipayTradePagePayRequest import AlipayTradePagePayRequest
from alipay.aop.api.request.AlipayTradePrecreateRequest import AlipayTradePrecreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.util.SignatureUtils import get_sign_content, sign_with_rsa2, verify_with_rsa

from infra.gateways.alipay.gateway import AlipayGateway
from tests.support.foreign_merchant import ForeignMerchant, away, lead
from tests.support.letterbox import Letter
from tests.support.merchant import CHINA
from tests.support.merchant_shop import alipay_of
from tests.support.recorded_calls import Recorder, every_call

SUBJECT = '纸扇 "A&B" <x> +'
HOST = "openapi.practice.test"


class Sdk:
    """The SDK as its documentation shows it. It knows no port but 80, so it is led there."""

    def __init__(self, merchant: ForeignMerchant, charset: str = "utf-8") -> None:
        config = AlipayClientConfig()
        config.server_url = f"http://{HOST}/alipay/gateway.do"
        config.app_id = merchant.accounts["app_id"]
        config.app_private_key = merchant.pkcs1("alipay_app_private.pem")
        config.alipay_public_key = merchant.key("alipay_provider_public.pem")
        config.sign_type, config.charset = "RSA2", charset
        self._notify_url = merchant.letterbox.alipay_url
        self._public_key = config.alipay_public_key
        self._client = DefaultAlipayClient(config)

    async def call(self, kind: Callable[[], Any], **content: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            await away(self._client.execute, self._request(kind, content))
        )
        return answer

    def form(self, **content: str) -> tuple[str, dict[str, str]]:
        """The page a buyer's browser would post by itself: where to, and what."""
        request = self._request(AlipayTradePagePayRequest, content)
        html = self._client.page_execute(request, http_method="POST")
        action = re.search(r'action="([^"]+)"', html)
        assert action
        fields = re.findall(r'name="([^"]+)" value="([^"]*)"', html)
        return action.group(1), {name: unescape(value) for name, value in fields}

    def verified(self, letter: Letter) -> dict[str, str]:
        fields = letter.form
        sign = fields.pop("sign")
        del fields["sign_type"]
        assert verify_with_rsa(self._public_key, get_sign_content(fields).encode(), sign)
        return fields

    def _request(self, kind: Callable[[], Any], content: dict[str, str]) -> Any:
        request = kind()
        request.biz_content = content
        if hasattr(request, "notify_url"):
            request.notify_url = self._notify_url
        return request


@pytest.fixture
def sdk(merchant: ForeignMerchant, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    lead(monkeypatch, HOST, 80, merchant.url)
    return Sdk(merchant)


def charge(number: str, **more: str) -> dict[str, str]:
    product = "FAST_INSTANT_TRADE_PAY"
    said = {"out_trade_no": number, "total_amount": "88.00", "subject": SUBJECT}
    return said | {"product_code": product} | more


async def test_a_page_is_posted_paid_told_and_asked_about(
    merchant: ForeignMerchant, sdk: Sdk
) -> None:
    action, fields = sdk.form(**charge("PAGE-1", passback_params="cart%3D7"))
    address = f"/alipay/gateway.do?{urlsplit(action).query}"
    page = await merchant.provider.post(address, data=fields)
    await merchant.pay("PAGE-1")
    told = sdk.verified(await merchant.letter(1))
    asked = await sdk.call(AlipayTradeQueryRequest, out_trade_no="PAGE-1")
    assert page.status_code == 200
    assert (told["subject"], told["passback_params"]) == (SUBJECT, "cart%3D7")
    assert asked["trade_status"] == told["trade_status"] == "TRADE_SUCCESS"
    assert asked["trade_no"] == told["trade_no"]


async def test_a_code_nobody_pays_is_closed_once_it_was_scanned(
    merchant: ForeignMerchant, sdk: Sdk
) -> None:
    offered = await sdk.call(AlipayTradePrecreateRequest, **charge("CODE-1"))
    unseen = await sdk.call(AlipayTradeQueryRequest, out_trade_no="CODE-1")
    await merchant.file(offered["qr_code"])
    waiting = await sdk.call(AlipayTradeQueryRequest, out_trade_no="CODE-1")
    closed = await sdk.call(AlipayTradeCloseRequest, out_trade_no="CODE-1")
    assert unseen["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert waiting["trade_status"] == "WAIT_BUYER_PAY"
    assert closed["code"] == "10000"


async def test_money_goes_back_and_is_told_and_asked_about(
    merchant: ForeignMerchant, sdk: Sdk
) -> None:
    await sdk.call(AlipayTradePrecreateRequest, **charge("BACK-1"))
    await merchant.pay("BACK-1")
    refund = {"out_trade_no": "BACK-1", "out_request_no": "R1"}
    await merchant.switch(not_enough=1.0)
    poor = await sdk.call(AlipayTradeRefundRequest, refund_amount="88.00", **refund)
    await merchant.switch()
    closed = await sdk.call(AlipayTradeCloseRequest, out_trade_no="BACK-1")
    back = await sdk.call(AlipayTradeRefundRequest, refund_amount="88.00", **refund)
    told = sdk.verified(await merchant.letter(2))
    asked = await sdk.call(AlipayTradeFastpayRefundQueryRequest, **refund)
    assert poor["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert closed["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"
    assert (back["fund_change"], back["refund_fee"]) == ("Y", "88.00")
    assert (told["trade_status"], told["refund_fee"]) == ("TRADE_CLOSED", "88.00")
    assert asked["refund_status"] == "REFUND_SUCCESS"


async def test_the_days_bill_is_a_file_in_gbk(merchant: ForeignMerchant, sdk: Sdk) -> None:
    await sdk.call(AlipayTradePrecreateRequest, **charge("BILL-1"))
    await merchant.pay("BILL-1")
    today = datetime.now(CHINA).date().isoformat()
    answer = await sdk.call(BillRequest, bill_type="trade", bill_date=today)
    with zipfile.ZipFile(io.BytesIO(await merchant.file(answer["bill_download_url"]))) as archive:
        text = archive.read(archive.namelist()[0]).decode("gbk")
    assert "BILL-1\t" in text


async def test_a_shop_that_speaks_gbk_is_understood_and_answered_in_it(
    merchant: ForeignMerchant, sdk: Sdk
) -> None:
    old = Sdk(merchant, charset="GBK")
    offered = await old.call(AlipayTradePrecreateRequest, **charge("GBK-1"))
    refused = await old.call(AlipayTradeQueryRequest, out_trade_no="GBK-1")
    assert offered["code"] == "10000"
    assert refused["sub_msg"] == "交易不存在"
    assert (await merchant.provider.get("/trades/GBK-1")).json()["subject"] == SUBJECT


async def test_a_refusal_without_a_signature_is_not_believed(
    merchant: ForeignMerchant, sdk: Sdk
) -> None:
    await merchant.switch(unknown_caller=1.0)
    with pytest.raises(ResponseException):
        await sdk.call(AlipayTradeQueryRequest, out_trade_no="X")


async def test_our_own_calls_are_signed_as_it_signs_them_and_it_accepts_them(
    merchant: ForeignMerchant,
) -> None:
    recorder = Recorder()
    settings = alipay_of(merchant.keys_dir, merchant.url)
    gateway = AlipayGateway(settings, "http://127.0.0.1:9", recorder)
    pages = await every_call(gateway, "OURS-", merchant.provider)
    await gateway.aclose()
    sent = [urlsplit(page).query for page in pages]
    sent += [f"{r.url.query.decode()}&{r.content.decode()}" for r in recorder.requests]
    calls = [call for text in sent if "sign" in (call := dict(parse_qsl(text, True)))]
    ours = merchant.pkcs1("alipay_app_private.pem")
    for call in calls:
        sign = call.pop("sign")
        content = get_sign_content(call)
        assert sign_with_rsa2(ours, content, "utf-8") == sign
        assert verify_with_rsa(merchant.key("alipay_app_public.pem"), content.encode(), sign)
    assert len({call["method"] for call in calls}) == 7
