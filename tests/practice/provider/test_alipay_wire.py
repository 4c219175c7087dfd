"""What Alipay's notices and answers look like on the wire."""

import httpx
import pytest

from practice.provider.alipay_wire import (
    LONGEST_SECONDS,
    BadRequest,
    expiry,
    signed_content,
    to_fen,
)
from tests.support.letterbox import Letterbox
from tests.support.merchant import AlipayMerchant, charge


async def test_a_paid_trade_is_told_in_a_signed_notice(
    alipay: AlipayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await alipay.paid("PAGE-4")
    form = (await letterbox.arrived(1))[0].form
    query = await alipay.call("trade.query", {"out_trade_no": "PAGE-4"})
    assert alipay.authentic(form)
    assert (form["app_id"], form["seller_id"]) == (alipay.app_id, alipay.seller_id)
    assert (form["trade_status"], form["total_amount"]) == ("TRADE_SUCCESS", "88.00")
    assert form["notify_type"] == "trade_status_sync"
    assert query["trade_status"] == "TRADE_SUCCESS"
    assert query["trade_no"] == form["trade_no"]
    assert query["send_pay_date"] == form["gmt_payment"]


async def test_the_merchants_own_words_come_back_with_the_money(
    alipay: AlipayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await alipay.open_page("PASS-1", passback_params="cart%3D7", body="two fans")
    await provider.post("/trades/PASS-1/pay")
    form = (await letterbox.arrived(1))[0].form
    assert alipay.authentic(form)
    assert (form["passback_params"], form["body"]) == ("cart%3D7", "two fans")


async def test_a_full_refund_is_told_as_a_closed_trade_with_its_refund(
    alipay: AlipayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await alipay.paid("REFUND-3")
    await letterbox.arrived(1)
    await alipay.refund("REFUND-3", "R1", "88.00")
    form = (await letterbox.arrived(2))[1].form
    assert alipay.authentic(form)
    assert form["trade_status"] == "TRADE_CLOSED"
    assert (form["refund_fee"], form["out_biz_no"]) == ("88.00", "R1")
    assert "gmt_refund" in form


async def test_an_answer_escapes_slashes_so_that_only_its_exact_text_verifies(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.precreate", charge("EXACT-1"))
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    assert '"qr_code":"http:\\/\\/' in text


@pytest.mark.parametrize(
    ("yuan", "fen"), [("88.00", 8800), ("0.01", 1), ("88.5", 8850), (88, 8800)]
)
def test_yuan_become_fen(yuan: object, fen: int) -> None:
    assert to_fen(yuan) == fen


@pytest.mark.parametrize("yuan", ["0.00", "-1.00", "1.001", "NaN", "Infinity", "many", None])
def test_what_is_no_amount_is_a_bad_request(yuan: object) -> None:
    with pytest.raises(BadRequest, match="total_amount"):
        to_fen(yuan)


def test_an_offer_ends_at_its_moment_in_chinas_time_or_after_its_time() -> None:
    assert expiry({"time_expire": "1970-01-01 08:01:00"}, now=7.0) == 60
    assert expiry({"timeout_express": "30m"}, now=7.0) == 7 + 30 * 60
    assert expiry({"timeout_express": "90d"}, now=7.0) == 7 + LONGEST_SECONDS
    assert expiry({}, now=7.0) == 7 + LONGEST_SECONDS


@pytest.mark.parametrize(
    "content", [{"time_expire": "tomorrow"}, {"timeout_express": "soon"}, {"timeout_express": "1y"}]
)
def test_a_time_that_makes_no_sense_is_a_bad_request(content: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        expiry(content, now=0.0)


def test_the_signature_is_over_what_is_not_empty_in_order_and_never_over_itself() -> None:
    parameters = {"b": "2", "sign": "x", "a": "1", "empty": "", "sign_type": "RSA2"}
    assert signed_content(parameters) == b"a=1&b=2&sign_type=RSA2"
