"""Alipay's calls, as the practice provider answers them."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.support.merchant import CHINA, AlipayShop, Clock, Letterbox, charge


async def paid(alipay: AlipayShop, provider: httpx.AsyncClient, number: str) -> None:
    await alipay.open_page(number)
    (await provider.post(f"/trades/{number}/pay")).raise_for_status()


async def refund(alipay: AlipayShop, number: str, refund_no: str, yuan: str) -> dict[str, Any]:
    said = {"out_trade_no": number, "out_request_no": refund_no, "refund_amount": yuan}
    return await alipay.call("trade.refund", said)


async def test_a_page_the_buyer_opens_shows_what_is_paid_and_escapes_it(
    alipay: AlipayShop,
) -> None:
    page = await alipay.open_page("PAGE-1")
    assert page.status_code == 200
    assert "¥</i>88.00" in page.text
    assert "闪购台灯 &lt;b&gt;lamp&lt;/b&gt;" in page.text
    assert "<button>" in page.text


async def test_a_trade_exists_only_once_its_page_was_opened(alipay: AlipayShop) -> None:
    alipay.page_url("PAGE-2")
    before = await alipay.call("trade.query", {"out_trade_no": "PAGE-2"})
    await alipay.open_page("PAGE-2")
    after = await alipay.call("trade.query", {"out_trade_no": "PAGE-2"})
    assert before["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert after["trade_status"] == "WAIT_BUYER_PAY"
    assert "send_pay_date" not in after


async def test_the_pay_button_leads_back_to_the_shop_with_signed_parameters(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    page = await alipay.open_page("PAGE-3")
    action = page.text.split('action="')[1].split('"')[0]
    answer = await provider.post(action)
    back = urlsplit(answer.headers["location"])
    said = dict(parse_qsl(back.query))
    assert answer.status_code == 303
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://shop.example/back"
    assert (said["out_trade_no"], said["total_amount"]) == ("PAGE-3", "88.00")
    assert alipay.authentic(said)
    assert "支付成功" in (await provider.get(action.removesuffix("/pay"))).text


async def test_a_paid_trade_is_told_in_a_signed_notice(
    alipay: AlipayShop, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await paid(alipay, provider, "PAGE-4")
    form = (await letterbox.arrived(1))[0].form
    query = await alipay.call("trade.query", {"out_trade_no": "PAGE-4"})
    assert alipay.authentic(form)
    assert (form["app_id"], form["seller_id"]) == (alipay.app_id, alipay.seller_id)
    assert (form["trade_status"], form["total_amount"]) == ("TRADE_SUCCESS", "88.00")
    assert form["notify_type"] == "trade_status_sync"
    assert query["trade_status"] == "TRADE_SUCCESS"
    assert query["trade_no"] == form["trade_no"]
    assert query["send_pay_date"] == form["gmt_payment"]


async def test_a_qr_code_can_be_scanned_and_paid(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    answer = await alipay.call("trade.precreate", charge("QR-1"))
    again = await alipay.call("trade.precreate", charge("QR-1"))
    unscanned = await alipay.call("trade.query", {"out_trade_no": "QR-1"})
    page = await provider.get(answer["qr_code"])
    scanned = await alipay.call("trade.query", {"out_trade_no": "QR-1"})
    assert again["qr_code"] == answer["qr_code"]
    assert unscanned["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert "<svg" in page.text
    assert scanned["trade_status"] == "WAIT_BUYER_PAY"


async def test_closing_an_unscanned_code_leaves_it_payable(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    await alipay.call("trade.precreate", charge("QR-2"))
    closed = await alipay.call("trade.close", {"out_trade_no": "QR-2"})
    pay = await provider.post("/trades/QR-2/pay")
    assert closed["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert pay.json()["paid"] == 8800


async def test_an_unpaid_trade_closes_and_takes_no_money_after(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    await alipay.open_page("CLOSE-1")
    closed = await alipay.call("trade.close", {"out_trade_no": "CLOSE-1"})
    again = await alipay.call("trade.close", {"out_trade_no": "CLOSE-1"})
    pay = await provider.post("/trades/CLOSE-1/pay")
    assert closed["code"] == "10000"
    assert again["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert pay.status_code == 409
    assert "已关闭" in (await alipay.open_page("CLOSE-1")).text


async def test_a_paid_trade_does_not_close(alipay: AlipayShop, provider: httpx.AsyncClient) -> None:
    await paid(alipay, provider, "CLOSE-2")
    closed = await alipay.call("trade.close", {"out_trade_no": "CLOSE-2"})
    query = await alipay.call("trade.query", {"out_trade_no": "CLOSE-2"})
    assert closed["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"
    assert query["trade_status"] == "TRADE_SUCCESS"


async def test_a_trade_closes_by_itself_when_its_time_is_over(
    alipay: AlipayShop, provider: httpx.AsyncClient, letterbox: Letterbox, clock: Clock
) -> None:
    expires = (datetime.now(CHINA) + timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M:%S")
    await alipay.open_page("EXPIRE-1", time_expire=expires)
    clock.ahead = 301
    pay = await provider.post("/trades/EXPIRE-1/pay")
    query = await alipay.call("trade.query", {"out_trade_no": "EXPIRE-1"})
    notice = (await letterbox.arrived(1))[0].form
    assert pay.status_code == 409
    assert query["trade_status"] == "TRADE_CLOSED"
    assert notice["trade_status"] == "TRADE_CLOSED"
    assert "refund_fee" not in notice
    assert "gmt_payment" not in notice


async def test_a_refund_moves_money_once_however_often_it_is_asked_for(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    await paid(alipay, provider, "REFUND-1")
    first = await refund(alipay, "REFUND-1", "R1", "30.00")
    again = await refund(alipay, "REFUND-1", "R1", "30.00")
    other = await refund(alipay, "REFUND-1", "R1", "31.00")
    line = (await provider.get("/trades/REFUND-1")).json()
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "30.00")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "30.00")
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert line["refunded"] == 3000


async def test_no_more_goes_back_than_came(alipay: AlipayShop, provider: httpx.AsyncClient) -> None:
    await paid(alipay, provider, "REFUND-2")
    await refund(alipay, "REFUND-2", "R1", "80.00")
    beyond = await refund(alipay, "REFUND-2", "R2", "8.01")
    rest = await refund(alipay, "REFUND-2", "R3", "8.00")
    query = await alipay.call("trade.query", {"out_trade_no": "REFUND-2"})
    assert beyond["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert rest["fund_change"] == "Y"
    assert query["trade_status"] == "TRADE_CLOSED"


async def test_a_full_refund_is_told_as_a_closed_trade_with_its_refund(
    alipay: AlipayShop, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await paid(alipay, provider, "REFUND-3")
    await letterbox.arrived(1)
    await refund(alipay, "REFUND-3", "R1", "88.00")
    form = (await letterbox.arrived(2))[1].form
    assert alipay.authentic(form)
    assert form["trade_status"] == "TRADE_CLOSED"
    assert (form["refund_fee"], form["out_biz_no"]) == ("88.00", "R1")
    assert "gmt_refund" in form


async def test_a_refund_can_be_asked_about_and_an_unknown_one_only_lacks_its_fields(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    await paid(alipay, provider, "REFUND-4")
    await refund(alipay, "REFUND-4", "R1", "5.00")
    method = "trade.fastpay.refund.query"
    known = await alipay.call(method, {"out_trade_no": "REFUND-4", "out_request_no": "R1"})
    unknown = await alipay.call(method, {"out_trade_no": "REFUND-4", "out_request_no": "R2"})
    assert (known["refund_status"], known["refund_amount"]) == ("REFUND_SUCCESS", "5.00")
    assert unknown == {"code": "10000", "msg": "Success"}


async def test_an_unpaid_trade_has_nothing_to_refund(alipay: AlipayShop) -> None:
    await alipay.open_page("REFUND-5")
    answer = await refund(alipay, "REFUND-5", "R1", "1.00")
    assert answer["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_a_finished_trade_stays_paid_and_refunds_nothing(
    alipay: AlipayShop, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await paid(alipay, provider, "FINISH-1")
    await letterbox.arrived(1)
    await provider.post("/trades/FINISH-1/finish")
    form = (await letterbox.arrived(2))[1].form
    answer = await refund(alipay, "FINISH-1", "R1", "1.00")
    assert form["trade_status"] == "TRADE_FINISHED"
    assert answer["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    assert (await provider.get("/trades/FINISH-1")).json()["paid"] == 8800


async def test_one_number_is_one_charge(alipay: AlipayShop) -> None:
    await alipay.open_page("SAME-1")
    dearer = await alipay.open_page("SAME-1", total_amount="89.00")
    coded = await alipay.call("trade.precreate", charge("SAME-1", total_amount="89.00"))
    assert dearer.status_code == 400
    assert coded["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


@pytest.mark.parametrize("amount", ["0.00", "-1.00", "1.001", "many", ""])
async def test_an_amount_that_is_no_money_is_refused(alipay: AlipayShop, amount: str) -> None:
    answer = await alipay.call("trade.precreate", charge("AMOUNT-1", total_amount=amount))
    assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"


async def test_a_request_changed_after_signing_is_refused(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.precreate", charge("FORGED-1"))
    form["biz_content"] = form["biz_content"].replace("88.00", "0.01")
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    page = await provider.get(
        "/alipay/gateway.do", params=form | {"method": "alipay.trade.page.pay"}
    )
    answer = alipay.opened(text, "alipay_trade_precreate_response")
    assert answer["sub_code"] == "isv.invalid-signature"
    assert page.status_code == 400
    assert (await provider.get("/book")).json()["trades"] == []


async def test_another_application_is_refused(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.query", {"out_trade_no": "X"}, app_id="2021000000000000")
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    assert alipay.opened(text, "alipay_trade_query_response")["sub_code"] == "isv.invalid-app-id"


async def test_an_answer_escapes_slashes_so_that_only_its_exact_text_verifies(
    alipay: AlipayShop, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.precreate", charge("EXACT-1"))
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    assert '"qr_code":"http:\\/\\/' in text
