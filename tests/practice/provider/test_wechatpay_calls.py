"""WeChat Pay's calls, as the practice provider answers them."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from tests.support.http_server import serving
from tests.support.letterbox import Letterbox
from tests.support.merchant import CHINA, Clock, WechatPayMerchant


async def test_a_repeated_order_is_the_same_and_a_changed_one_is_refused(
    wechatpay: WechatPayMerchant,
) -> None:
    first = await wechatpay.create("native-3")
    again = await wechatpay.create("native-3")
    dearer = await wechatpay.create("native-3", amount={"total": 8900, "currency": "CNY"})
    assert first.json() == again.json()
    assert (dearer.status_code, dearer.json()["code"]) == (400, "INVALID_REQUEST")


async def test_an_unpaid_order_closes_and_takes_no_money_after(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    await wechatpay.create("close-1")
    closed = await wechatpay.close("close-1")
    again = await wechatpay.close("close-1")
    pay = await provider.post("/trades/close-1/pay")
    assert (closed.status_code, closed.content) == (204, b"")
    assert again.json()["code"] == "ORDER_CLOSED"
    assert pay.status_code == 409
    assert (await wechatpay.query("close-1")).json()["trade_state"] == "CLOSED"
    assert (await wechatpay.create("close-1")).json()["code"] == "ORDER_CLOSED"


async def test_a_paid_order_does_not_close(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    await wechatpay.paid("close-2")
    closed = await wechatpay.close("close-2")
    assert (closed.status_code, closed.json()["code"]) == (400, "ORDERPAID")
    assert (await wechatpay.create("close-2")).json()["code"] == "ORDERPAID"


async def test_a_buyer_who_is_paying_keeps_his_order_open(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    await wechatpay.create("paying-1")
    await provider.put("/trades/paying-1/control", json={"user_paying": 1.0})
    busy = await wechatpay.close("paying-1")
    pay = await provider.post("/trades/paying-1/pay")
    late = await wechatpay.close("paying-1")
    assert (busy.status_code, busy.json()["code"]) == (202, "USER_PAYING")
    assert pay.json()["paid"] == 8800
    assert (late.status_code, late.json()["code"]) == (400, "ORDERPAID")


async def test_a_paid_order_is_found_by_the_providers_number(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    await wechatpay.paid("number-1")
    number = (await provider.get("/trades/number-1")).json()["trade_no"]
    path = f"/pay/transactions/id/{{}}?mchid={wechatpay.mchid}"
    found = await wechatpay.call("GET", path.format(number))
    unknown = await wechatpay.call("GET", path.format("4200000000"))
    assert found.json() == (await wechatpay.query("number-1")).json()
    assert (unknown.status_code, unknown.json()["code"]) == (404, "ORDER_NOT_EXIST")


async def test_an_expired_order_is_still_open_but_cannot_be_paid(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, clock: Clock
) -> None:
    expires = (datetime.now(CHINA) + timedelta(seconds=90)).isoformat(timespec="seconds")
    await wechatpay.create("expire-1", time_expire=expires)
    clock.ahead = 100
    pay = await provider.post("/trades/expire-1/pay")
    order = (await wechatpay.query("expire-1")).json()
    assert pay.status_code == 409
    assert order["trade_state"] == "NOTPAY"
    assert (await wechatpay.close("expire-1")).status_code == 204


async def test_an_accepted_refund_is_not_yet_done_and_is_told_when_it_is(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await wechatpay.paid("refund-1")
    await letterbox.arrived(1)
    accepted = (await wechatpay.refund("refund-1", "r1", 8800)).json()
    letter = (await letterbox.arrived(2))[1]
    resource = wechatpay.resource(letter)
    done = (await wechatpay.call("GET", "/refund/domestic/refunds/r1")).json()
    assert accepted["status"] == "PROCESSING"
    assert "success_time" not in accepted
    assert wechatpay.authentic(letter.headers, letter.body)
    assert json.loads(letter.body)["event_type"] == "REFUND.SUCCESS"
    assert (resource["out_refund_no"], resource["refund_status"]) == ("r1", "SUCCESS")
    assert resource["amount"]["refund"] == 8800
    assert (done["status"], done["refund_id"]) == ("SUCCESS", accepted["refund_id"])
    assert (await wechatpay.query("refund-1")).json()["trade_state"] == "REFUND"
    assert (await provider.get("/trades/refund-1")).json()["refunded"] == 8800


async def test_the_same_refund_number_refunds_once(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await wechatpay.paid("refund-2")
    first = (await wechatpay.refund("refund-2", "r2", 3000)).json()
    again = (await wechatpay.refund("refund-2", "r2", 3000)).json()
    changed = await wechatpay.refund("refund-2", "r2", 3100)
    await letterbox.arrived(2)
    assert again["refund_id"] == first["refund_id"]
    assert changed.json()["code"] == "INVALID_REQUEST"
    assert (await provider.get("/trades/refund-2")).json()["refunded"] == 3000


async def test_no_more_goes_back_than_came(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, clock: Clock
) -> None:
    await wechatpay.paid("refund-3")
    await wechatpay.refund("refund-3", "r3a", 8000)
    clock.ahead = 1
    beyond = await wechatpay.refund("refund-3", "r3b", 801)
    rest = await wechatpay.refund("refund-3", "r3c", 800)
    assert (beyond.status_code, beyond.json()["code"]) == (400, "INVALID_REQUEST")
    assert rest.json()["status"] == "PROCESSING"


async def test_a_second_refund_of_one_order_must_wait_a_minute(
    keys_dir: Path, letterbox: Letterbox, clock: Clock
) -> None:
    app = create_app(keys_dir, None, clock=clock)
    async with serving(app) as url, loopback_http(url) as provider:
        wechatpay = WechatPayMerchant(provider, keys_dir, letterbox.wechatpay_url)
        await wechatpay.paid("pace-1")
        first = await wechatpay.refund("pace-1", "p1", 100)
        repeat = await wechatpay.refund("pace-1", "p1", 100)
        hasty = await wechatpay.refund("pace-1", "p2", 100)
        clock.ahead = 61
        patient = await wechatpay.refund("pace-1", "p2", 100)
    assert (first.status_code, repeat.status_code) == (200, 200)
    assert (hasty.status_code, hasty.json()["code"]) == (429, "FREQUENCY_LIMITED")
    assert patient.status_code == 200


async def test_a_refund_of_nothing_paid_or_of_another_total_is_refused(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    await wechatpay.create("refund-4")
    unpaid = await wechatpay.refund("refund-4", "r4", 100)
    await provider.post("/trades/refund-4/pay")
    wrong = {"out_trade_no": "refund-4", "out_refund_no": "r4", "amount": {"refund": 1, "total": 2}}
    other_total = await wechatpay.call("POST", "/refund/domestic/refunds", wrong)
    nobody = await wechatpay.refund("nobody", "r5", 100)
    unknown = await wechatpay.call("GET", "/refund/domestic/refunds/none")
    assert unpaid.json()["code"] == "INVALID_REQUEST"
    assert other_total.json()["code"] == "INVALID_REQUEST"
    assert (nobody.status_code, nobody.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
