"""Alipay's calls, as the practice provider answers them."""

import httpx

from tests.support.letterbox import Letterbox
from tests.support.merchant import AlipayMerchant, charge


async def test_a_trade_exists_only_once_its_page_was_opened(alipay: AlipayMerchant) -> None:
    alipay.page_url("PAGE-2")
    before = await alipay.call("trade.query", {"out_trade_no": "PAGE-2"})
    await alipay.open_page("PAGE-2")
    after = await alipay.call("trade.query", {"out_trade_no": "PAGE-2"})
    assert before["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert after["trade_status"] == "WAIT_BUYER_PAY"
    assert "send_pay_date" not in after


async def test_a_qr_code_can_be_scanned_and_paid(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
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
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    await alipay.call("trade.precreate", charge("QR-2"))
    closed = await alipay.call("trade.close", {"out_trade_no": "QR-2"})
    pay = await provider.post("/trades/QR-2/pay")
    assert closed["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert pay.json()["paid"] == 8800


async def test_an_unpaid_trade_closes_and_takes_no_money_after(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    await alipay.open_page("CLOSE-1")
    closed = await alipay.call("trade.close", {"out_trade_no": "CLOSE-1"})
    again = await alipay.call("trade.close", {"out_trade_no": "CLOSE-1"})
    pay = await provider.post("/trades/CLOSE-1/pay")
    assert closed["code"] == "10000"
    assert again["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert pay.status_code == 409
    assert "已关闭" in (await alipay.open_page("CLOSE-1")).text


async def test_a_paid_trade_does_not_close(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    await alipay.paid("CLOSE-2")
    closed = await alipay.call("trade.close", {"out_trade_no": "CLOSE-2"})
    query = await alipay.call("trade.query", {"out_trade_no": "CLOSE-2"})
    assert closed["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"
    assert query["trade_status"] == "TRADE_SUCCESS"


async def test_a_refund_moves_money_once_however_often_it_is_asked_for(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    await alipay.paid("REFUND-1")
    first = await alipay.refund("REFUND-1", "R1", "30.00")
    again = await alipay.refund("REFUND-1", "R1", "30.00")
    other = await alipay.refund("REFUND-1", "R1", "31.00")
    line = (await provider.get("/trades/REFUND-1")).json()
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "30.00")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "30.00")
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert line["refunded"] == 3000


async def test_no_more_goes_back_than_came(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    await alipay.paid("REFUND-2")
    await alipay.refund("REFUND-2", "R1", "80.00")
    beyond = await alipay.refund("REFUND-2", "R2", "8.01")
    rest = await alipay.refund("REFUND-2", "R3", "8.00")
    query = await alipay.call("trade.query", {"out_trade_no": "REFUND-2"})
    assert beyond["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert rest["fund_change"] == "Y"
    assert query["trade_status"] == "TRADE_CLOSED"


async def test_a_refund_can_be_asked_about_and_an_unknown_one_only_lacks_its_fields(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    await alipay.paid("REFUND-4")
    await alipay.refund("REFUND-4", "R1", "5.00")
    method = "trade.fastpay.refund.query"
    known = await alipay.call(method, {"out_trade_no": "REFUND-4", "out_request_no": "R1"})
    unknown = await alipay.call(method, {"out_trade_no": "REFUND-4", "out_request_no": "R2"})
    assert (known["refund_status"], known["refund_amount"]) == ("REFUND_SUCCESS", "5.00")
    assert unknown == {"code": "10000", "msg": "Success"}


async def test_an_unpaid_trade_has_nothing_to_refund(alipay: AlipayMerchant) -> None:
    await alipay.open_page("REFUND-5")
    answer = await alipay.refund("REFUND-5", "R1", "1.00")
    assert answer["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_a_finished_trade_stays_paid_and_refunds_nothing(
    alipay: AlipayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await alipay.paid("FINISH-1")
    await letterbox.arrived(1)
    await provider.post("/trades/FINISH-1/finish")
    form = (await letterbox.arrived(2))[1].form
    answer = await alipay.refund("FINISH-1", "R1", "1.00")
    assert form["trade_status"] == "TRADE_FINISHED"
    assert answer["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    assert (await provider.get("/trades/FINISH-1")).json()["paid"] == 8800
