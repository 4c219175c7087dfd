"""What may happen to a trade, whichever provider's language asked for it."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx

from tests.support.letterbox import Letterbox
from tests.support.merchant import CHINA, AlipayMerchant, Clock, WechatPayMerchant, charge
from tests.support.polling import until


async def test_pressing_pay_twice_takes_the_money_once_and_tells_it_once(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, letterbox: Letterbox
) -> None:
    await wechatpay.create("twice-1")
    await wechatpay.create("twice-2")
    presses = [provider.post("/trades/twice-1/pay") for _ in range(10)]
    answers = await asyncio.gather(*presses)
    await provider.post("/trades/twice-2/pay")
    letters = await letterbox.arrived(2)
    numbers = [wechatpay.resource(letter)["out_trade_no"] for letter in letters]
    assert {answer.json()["paid"] for answer in answers} == {8800}
    assert sorted(numbers) == ["twice-1", "twice-2"]


async def test_of_pay_and_close_exactly_one_wins(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, letterbox: Letterbox
) -> None:
    numbers = [f"race-no-{number}" for number in range(60)]
    await asyncio.gather(*(wechatpay.create(number) for number in numbers))
    pays = [provider.post(f"/trades/{number}/pay") for number in numbers]
    closes = [wechatpay.close(number) for number in numbers]
    # Half of the closes are asked for before their pay, half after it.
    order = [one for pair in zip(pays[:30], closes[:30], strict=True) for one in pair]
    order += [one for pair in zip(closes[30:], pays[30:], strict=True) for one in pair]
    answers = await asyncio.gather(*order)
    paid = {a.json()["out_trade_no"] for a in answers if a.status_code == 200}
    closed = sum(1 for a in answers if a.status_code == 204)
    book = (await provider.get("/book")).json()["trades"]
    assert len(paid) + closed == 60
    assert sum(1 for a in answers if a.status_code in (400, 409)) == 60
    assert {trade["out_trade_no"] for trade in book if trade["paid"]} == paid
    assert sum(1 for trade in book if trade["status"] == "closed") == closed
    letters = await letterbox.arrived(len(paid))
    assert {wechatpay.resource(letter)["out_trade_no"] for letter in letters} == paid


async def test_a_trade_closes_by_itself_when_its_time_is_over(
    alipay: AlipayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox, clock: Clock
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


async def switch(provider: httpx.AsyncClient, **switches: Any) -> None:
    (await provider.put("/control", json=switches)).raise_for_status()


async def test_a_trade_of_its_own_switches_leaves_the_others_alone(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, letterbox: Letterbox
) -> None:
    await switch(provider, duplicate=1.0)
    set_ = await provider.put("/trades/LOST/control", json={"drop": 1.0})
    await alipay.paid("LOST")
    await alipay.paid("KEPT")
    letters = await letterbox.arrived(2)
    assert (set_.json()["drop"], set_.json()["duplicate"]) == (1.0, 1.0)
    assert {letter.form["out_trade_no"] for letter in letters} == {"KEPT"}


async def test_a_duplicate_says_the_same_again(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, letterbox: Letterbox
) -> None:
    await switch(provider, duplicate=1.0)
    await alipay.paid("DOUBLE")
    first, second = await letterbox.arrived(2)
    assert first.form["notify_id"] == second.form["notify_id"]


async def test_a_dropped_notice_never_comes_unless_asked_for(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, letterbox: Letterbox
) -> None:
    await switch(provider, drop=1.0)
    await alipay.paid("DROPPED")
    await switch(provider)
    await alipay.paid("SENT")
    await letterbox.arrived(1)
    asked = (await provider.post("/trades/DROPPED/notify")).json()
    numbers = [letter.form["out_trade_no"] for letter in letterbox.letters]
    assert numbers == ["SENT", "DROPPED"]
    assert (asked["acknowledged"], asked["status_code"], asked["body"]) == (True, 200, "success")


async def test_a_delayed_notice_comes_later_than_one_paid_after_it(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, letterbox: Letterbox
) -> None:
    await switch(provider, delay_seconds=[0.8, 1.0])
    await alipay.paid("SLOW")
    await switch(provider)
    await alipay.paid("QUICK")
    letters = await letterbox.arrived(2)
    assert [letter.form["out_trade_no"] for letter in letters] == ["QUICK", "SLOW"]


async def test_a_reordered_notice_is_overtaken_by_the_next_of_its_trade(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, letterbox: Letterbox
) -> None:
    await switch(provider, reorder=1.0)
    await alipay.paid("ORDER")
    said = {"out_trade_no": "ORDER", "out_request_no": "R1", "refund_amount": "88.00"}
    await alipay.call("trade.refund", said)
    letters = await letterbox.arrived(2)
    assert [letter.form["trade_status"] for letter in letters] == ["TRADE_CLOSED", "TRADE_SUCCESS"]


async def test_a_buyer_pays_in_the_instant_of_the_close(
    provider: httpx.AsyncClient,
    alipay: AlipayMerchant,
    wechatpay: WechatPayMerchant,
    letterbox: Letterbox,
) -> None:
    await switch(provider, pay_on_close=1.0)
    await alipay.open_page("RACE-A")
    await alipay.call("trade.precreate", charge("RACE-QR"))
    await wechatpay.create("RACE-WX")
    page = await alipay.call("trade.close", {"out_trade_no": "RACE-A"})
    code = await alipay.call("trade.close", {"out_trade_no": "RACE-QR"})
    native = await wechatpay.close("RACE-WX")
    await letterbox.arrived(3)
    book = (await provider.get("/book")).json()["trades"]
    assert page["sub_code"] == code["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"
    assert native.json()["code"] == "ORDERPAID"
    assert [trade["paid"] for trade in book] == [8800] * 3


async def test_a_wechat_pay_refund_can_end_badly(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, letterbox: Letterbox
) -> None:
    for number, name in (("worse-1", "refund_abnormal"), ("worse-2", "refund_closed")):
        await wechatpay.create(number)
        await provider.put(f"/trades/{number}/control", json={name: 1.0})
        await provider.post(f"/trades/{number}/pay")
        await wechatpay.refund(number, f"{number}-r", 8800)
    letters = await letterbox.arrived(4)
    states = {
        resource["out_trade_no"]: resource["refund_status"]
        for resource in map(wechatpay.resource, letters)
        if "refund_status" in resource
    }
    book = (await provider.get("/book")).json()["trades"]
    assert states == {"worse-1": "ABNORMAL", "worse-2": "CLOSED"}
    assert [(trade["paid"], trade["refunded"]) for trade in book] == [(8800, 0)] * 2


async def test_a_merchant_without_money_refunds_nothing_until_he_has_some(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, alipay: AlipayMerchant
) -> None:
    await wechatpay.paid("poor-wx")
    await alipay.paid("poor-ali")
    await switch(provider, not_enough=1.0)
    native = await wechatpay.refund("poor-wx", "poor-r", 8800)
    page = await alipay.refund("poor-ali", "R1", "88.00")
    asked = await wechatpay.call("GET", "/refund/domestic/refunds/poor-r")
    await switch(provider)
    again = await wechatpay.refund("poor-wx", "poor-r", 8800)
    page_again = await alipay.refund("poor-ali", "R1", "88.00")
    assert (native.status_code, native.json()["code"]) == (403, "NOT_ENOUGH")
    assert page["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert asked.status_code == 404
    assert again.json()["status"] == "PROCESSING"
    assert page_again["fund_change"] == "Y"


async def test_a_refund_to_a_bank_card_takes_days(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, clock: Clock
) -> None:
    days = 2 * 86_400
    await provider.put("/trades/card-1/control", json={"refund_seconds": days})
    await wechatpay.paid("card-1")
    await wechatpay.refund("card-1", "card-r", 8800)
    clock.ahead = days - 10
    before = (await provider.get("/trades/card-1")).json()
    clock.ahead = days + 10
    after = (await provider.get("/trades/card-1")).json()
    assert (before["refunded"], after["refunded"]) == (0, 8800)


async def test_the_same_seed_draws_the_same_losses(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, letterbox: Letterbox
) -> None:
    losses = []
    for round_ in ("A", "B"):
        await switch(provider, drop=0.5, seed=42)
        for number in range(12):
            await alipay.paid(f"{round_}-{number}")
        await switch(provider)
        await alipay.paid(f"{round_}-LAST")
        await until(partial(_came, letterbox, f"{round_}-LAST"))
        losses.append({n for n in range(12) if not _came(letterbox, f"{round_}-{n}")})
    assert losses[0] == losses[1]
    assert 0 < len(losses[0]) < 12


def _came(letterbox: Letterbox, number: str) -> bool:
    return any(letter.form["out_trade_no"] == number for letter in letterbox.letters)


async def test_a_clock_that_is_wrong_is_believed_and_holds_nothing_up(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, letterbox: Letterbox, clock: Clock
) -> None:
    await wechatpay.create("timely")
    await provider.put("/control", json={"clock_seconds": 200.0})
    await provider.post("/trades/timely/pay")
    (wrong,) = await letterbox.arrived(1)
    await provider.put("/control", json={"clock_seconds": -200.0})
    await wechatpay.refund("timely", "timely-back", 100)
    late = (await letterbox.arrived(2))[1]

    # The refund ended and both notices were sent as if nothing were wrong.
    said = [int(one.headers["wechatpay-timestamp"]) - clock() for one in (wrong, late)]
    assert said[0] > 190
    assert said[1] < -190
