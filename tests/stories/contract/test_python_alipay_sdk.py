"""`python-alipay-sdk`, which most shops in Python use, at the practice provider; and what it says
of our own calls. Whatever it is answered, it verifies before it hands it on."""

import io
import re
import zipfile
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError

from infra.gateways.alipay.gateway import AlipayGateway
from tests.support.foreign_merchant import ForeignMerchant, away
from tests.support.letterbox import Letter
from tests.support.merchant import CHINA
from tests.support.merchant_shop import alipay_of
from tests.support.recorded_calls import Recorder, every_call

SUBJECT = '纸扇 & co / 100% = "quote" +'
BILL = "alipay.data.dataservice.bill.downloadurl.query"


@pytest.fixture
def sdk(merchant: ForeignMerchant) -> AliPay:
    return opened(merchant, merchant.accounts["app_id"])


def opened(merchant: ForeignMerchant, app_id: str, public: str = "alipay_provider") -> AliPay:
    sdk = AliPay(
        appid=app_id,
        app_notify_url=merchant.letterbox.alipay_url,
        app_private_key_string=merchant.key("alipay_app_private.pem"),
        alipay_public_key_string=merchant.key(f"{public}_public.pem"),
        sign_type="RSA2",
    )
    # The one thing it has no option for: which gateway it calls.
    sdk._gateway = f"{merchant.url}/alipay/gateway.do"
    return sdk


def verified(sdk: AliPay, letter: Letter | str) -> dict[str, str]:
    fields = letter.form if isinstance(letter, Letter) else dict(parse_qsl(urlsplit(letter).query))
    sign = fields.pop("sign")
    assert sdk.verify(dict(fields), sign)
    assert not sdk.verify(fields | {"total_amount": "0.01"}, sign)
    return fields


async def paid(merchant: ForeignMerchant, sdk: AliPay, number: str) -> str:
    """A QR code that was scanned and paid; the trade's number."""
    answer = await away(sdk.api_alipay_trade_precreate, SUBJECT, number, "88.00")
    await merchant.file(answer["qr_code"])
    await merchant.pay(number)
    return str((await away(sdk.api_alipay_trade_query, out_trade_no=number))["trade_no"])


async def test_a_page_is_opened_paid_told_and_left(merchant: ForeignMerchant, sdk: AliPay) -> None:
    query = sdk.api_alipay_trade_page_pay(
        SUBJECT, "PAGE-1", 88.00, return_url="http://shop.test/back", passback_params="cart%3D7"
    )
    page = (await merchant.provider.get(f"/alipay/gateway.do?{query}")).text
    button = re.search(r'action="(/cashier/[^"]+/pay)"', page)
    assert button
    left = await merchant.provider.post(button.group(1), follow_redirects=False)
    told = verified(sdk, await merchant.letter(1))
    back = verified(sdk, left.headers["location"])
    asked = await away(sdk.api_alipay_trade_query, out_trade_no="PAGE-1")
    assert (told["trade_status"], told["passback_params"]) == ("TRADE_SUCCESS", "cart%3D7")
    assert told["subject"] == SUBJECT
    assert asked["trade_no"] == told["trade_no"] == back["trade_no"]
    assert asked["total_amount"] == told["total_amount"] == back["total_amount"] == "88.00"


async def test_a_code_nobody_pays_is_closed_once_it_was_scanned(
    merchant: ForeignMerchant, sdk: AliPay
) -> None:
    offered = await away(sdk.api_alipay_trade_precreate, SUBJECT, "CODE-1", "88.00")
    unseen = await away(sdk.api_alipay_trade_query, out_trade_no="CODE-1")
    await merchant.file(offered["qr_code"])
    waiting = await away(sdk.api_alipay_trade_query, out_trade_no="CODE-1")
    closed, again = [await away(sdk.api_alipay_trade_close, out_trade_no="CODE-1") for _ in "12"]
    assert unseen["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert waiting["trade_status"] == "WAIT_BUYER_PAY"
    assert closed["code"] == "10000"
    assert again["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_money_goes_back_once_and_is_told_and_asked_about(
    merchant: ForeignMerchant, sdk: AliPay
) -> None:
    await paid(merchant, sdk, "BACK-1")
    said = {"out_trade_no": "BACK-1", "out_request_no": "R1", "refund_reason": "买家退"}
    closed = await away(sdk.api_alipay_trade_close, out_trade_no="BACK-1")
    first, repeat = [await away(sdk.api_alipay_trade_refund, "8.00", **said) for _ in "12"]
    told = verified(sdk, await merchant.letter(2))
    asked = await away(sdk.api_alipay_trade_fastpay_refund_query, "R1", out_trade_no="BACK-1")
    beyond = await away(
        sdk.api_alipay_trade_refund, "100.00", out_trade_no="BACK-1", out_request_no="R2"
    )
    assert closed["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"
    assert (first["fund_change"], repeat["fund_change"]) == ("Y", "N")
    assert (told["refund_fee"], told["out_biz_no"]) == ("8.00", "R1")
    assert (asked["refund_status"], asked["refund_amount"]) == ("REFUND_SUCCESS", "8.00")
    assert beyond["code"] == "40004"


async def test_the_days_bill_is_a_file_in_gbk(merchant: ForeignMerchant, sdk: AliPay) -> None:
    await away(sdk.api_alipay_trade_precreate, "a 😀 fan, red", "BILL-1", "88.00")
    await merchant.pay("BILL-1")
    asked = {"bill_type": "trade", "bill_date": datetime.now(CHINA).date().isoformat()}
    answer = await away(sdk.server_api, BILL, asked)
    with zipfile.ZipFile(io.BytesIO(await merchant.file(answer["bill_download_url"]))) as archive:
        text = archive.read(archive.namelist()[0]).decode("gbk")
    assert '"a ? fan, red"' in text
    assert "BILL-1\t" in text


async def test_whom_the_gateway_does_not_know_it_answers_unsigned(
    merchant: ForeignMerchant, sdk: AliPay
) -> None:
    stranger = opened(merchant, "2021000000000000")
    with pytest.raises(AliPayException, match=r"isv\.invalid-app-id"):
        await away(stranger.api_alipay_trade_query, out_trade_no="X")
    await merchant.switch(unknown_caller=1.0)
    with pytest.raises(AliPayException, match=r"isv\.invalid-app-id"):
        await away(sdk.api_alipay_trade_query, out_trade_no="X")


async def test_an_answer_of_another_key_is_not_believed(merchant: ForeignMerchant) -> None:
    misled = opened(merchant, merchant.accounts["app_id"], public="alipay_app")
    with pytest.raises(AliPayValidationError):
        await away(misled.api_alipay_trade_query, out_trade_no="X")


async def test_our_own_calls_are_signed_as_it_signs_them(
    merchant: ForeignMerchant, sdk: AliPay
) -> None:
    recorder = Recorder()
    settings = alipay_of(merchant.keys_dir, merchant.url)
    gateway = AlipayGateway(settings, "http://127.0.0.1:9", recorder)
    pages = await every_call(gateway, "OURS-", merchant.provider)
    await gateway.aclose()
    calls = [urlsplit(page).query for page in pages]
    calls += [f"{r.url.query.decode()}&{r.content.decode()}" for r in recorder.requests]
    seen = {method for call in calls if (method := _signed_alike(sdk, call))}
    assert seen == {
        "alipay.trade.page.pay",
        "alipay.trade.precreate",
        "alipay.trade.query",
        "alipay.trade.close",
        "alipay.trade.refund",
        "alipay.trade.fastpay.refund.query",
        BILL,
    }


def _signed_alike(sdk: Any, call: str) -> str | None:
    """The method of a call whose every parameter it signs to the very same signature."""
    parameters = dict(parse_qsl(call, keep_blank_values=True))
    if "sign" not in parameters:
        # The address of a file, which is no call.
        return None
    sign = parameters.pop("sign")
    again = dict(parse_qsl(sdk.sign_data(dict(parameters)), keep_blank_values=True))
    assert again["sign"] == sign
    return parameters["method"]
