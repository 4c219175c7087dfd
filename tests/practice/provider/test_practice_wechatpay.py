"""WeChat Pay's calls, as the practice provider answers them."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from tests.support.merchant import CHINA, Clock, Letterbox, WechatShop, live, until


async def paid(wechatpay: WechatShop, provider: httpx.AsyncClient, number: str) -> None:
    (await wechatpay.create(number)).raise_for_status()
    (await provider.post(f"/trades/{number}/pay")).raise_for_status()


async def test_a_code_leads_to_the_cashier_and_an_unpaid_order_has_no_number(
    wechatpay: WechatShop, provider: httpx.AsyncClient
) -> None:
    created = await wechatpay.create("native-1")
    page = await provider.get(created.json()["code_url"])
    order = (await wechatpay.query("native-1")).json()
    assert "<svg" in page.text
    assert "¥</i>88.00" in page.text
    assert order["trade_state"] == "NOTPAY"
    assert order["amount"]["total"] == 8800
    assert "transaction_id" not in order


async def test_a_payment_is_told_in_a_signed_and_sealed_notice(
    wechatpay: WechatShop, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await paid(wechatpay, provider, "native-2")
    letter = (await letterbox.arrived(1))[0]
    resource = wechatpay.resource(letter)
    order = (await wechatpay.query("native-2")).json()
    assert wechatpay.authentic(letter.headers, letter.body)
    assert json.loads(letter.body)["event_type"] == "TRANSACTION.SUCCESS"
    assert resource == order
    assert (resource["trade_state"], resource["mchid"]) == ("SUCCESS", wechatpay.mchid)
    assert resource["amount"]["payer_total"] == 8800


async def test_a_repeated_order_is_the_same_and_a_changed_one_is_refused(
    wechatpay: WechatShop,
) -> None:
    first = await wechatpay.create("native-3")
    again = await wechatpay.create("native-3")
    dearer = await wechatpay.create("native-3", amount={"total": 8900, "currency": "CNY"})
    assert first.json() == again.json()
    assert (dearer.status_code, dearer.json()["code"]) == (400, "INVALID_REQUEST")


async def test_an_unpaid_order_closes_and_takes_no_money_after(
    wechatpay: WechatShop, provider: httpx.AsyncClient
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
    wechatpay: WechatShop, provider: httpx.AsyncClient
) -> None:
    await paid(wechatpay, provider, "close-2")
    closed = await wechatpay.close("close-2")
    assert (closed.status_code, closed.json()["code"]) == (400, "ORDERPAID")
    assert (await wechatpay.create("close-2")).json()["code"] == "ORDERPAID"


async def test_an_unknown_order_is_said_to_be_unknown(wechatpay: WechatShop) -> None:
    for answer in (await wechatpay.query("nobody"), await wechatpay.close("nobody")):
        assert (answer.status_code, answer.json()["code"]) == (404, "ORDER_NOT_EXIST")


async def test_an_expired_order_is_still_open_but_cannot_be_paid(
    wechatpay: WechatShop, provider: httpx.AsyncClient, clock: Clock
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
    wechatpay: WechatShop, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await paid(wechatpay, provider, "refund-1")
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
    wechatpay: WechatShop, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await paid(wechatpay, provider, "refund-2")
    first = (await wechatpay.refund("refund-2", "r2", 3000)).json()
    again = (await wechatpay.refund("refund-2", "r2", 3000)).json()
    changed = await wechatpay.refund("refund-2", "r2", 3100)
    await letterbox.arrived(2)
    assert again["refund_id"] == first["refund_id"]
    assert changed.json()["code"] == "INVALID_REQUEST"
    assert (await provider.get("/trades/refund-2")).json()["refunded"] == 3000


async def test_no_more_goes_back_than_came(
    wechatpay: WechatShop, provider: httpx.AsyncClient, clock: Clock
) -> None:
    await paid(wechatpay, provider, "refund-3")
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
    async with live(app) as url, loopback_http(url) as provider:
        wechatpay = WechatShop(provider, keys_dir, letterbox.wechatpay_url)
        await paid(wechatpay, provider, "pace-1")
        first = await wechatpay.refund("pace-1", "p1", 100)
        repeat = await wechatpay.refund("pace-1", "p1", 100)
        hasty = await wechatpay.refund("pace-1", "p2", 100)
        clock.ahead = 61
        patient = await wechatpay.refund("pace-1", "p2", 100)
    assert (first.status_code, repeat.status_code) == (200, 200)
    assert (hasty.status_code, hasty.json()["code"]) == (429, "FREQUENCY_LIMITED")
    assert patient.status_code == 200


async def test_a_refund_of_nothing_paid_or_of_another_total_is_refused(
    wechatpay: WechatShop, provider: httpx.AsyncClient
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


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "short"},
        {"out_trade_no": "x" * 33},
        {"amount": {"total": 0}},
        {"amount": {"total": "8800"}},
        {"amount": {"total": 8800, "currency": "USD"}},
        {"time_expire": "tomorrow"},
        {"time_expire": "2020-01-01T00:00:00+08:00"},
        {"notify_url": "nowhere"},
        {"mchid": "1"},
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(
    wechatpay: WechatShop, change: dict[str, object]
) -> None:
    answer = await wechatpay.create("param-1", **change)
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")


async def test_a_request_of_another_key_body_or_hour_is_refused(
    wechatpay: WechatShop, provider: httpx.AsyncClient
) -> None:
    target = f"/wechatpay/v3/pay/transactions/out-trade-no/sign-1?mchid={wechatpay.mchid}"
    right = await wechatpay.send("GET", target)
    stale = await wechatpay.send("GET", target, skew=-301)
    header = {"Authorization": right.request.headers["authorization"]}
    elsewhere = await provider.get(f"{target}&more=1", headers=header)
    with_body = await provider.request("GET", target, headers=header, content=b"{}")
    bare = await provider.get(target)
    assert right.status_code == 404
    for answer in (stale, elsewhere, with_body, bare):
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")


async def test_a_new_key_signs_at_once_and_the_old_one_stays_for_merchants(
    tmp_path: Path, letterbox: Letterbox
) -> None:
    keys_dir = tmp_path / "keys"
    app = create_app(keys_dir, None)
    async with live(app) as url, loopback_http(url) as provider:
        wechatpay = WechatShop(provider, keys_dir, letterbox.wechatpay_url)
        old = (await wechatpay.create("rotate-1")).headers["wechatpay-serial"]
        new = (await provider.post("/keys/rotate")).json()["platform_serial"]
        await provider.post("/trades/rotate-1/pay")
        await until(lambda: len(letterbox.letters) == 1)
    letter = letterbox.letters[0]
    assert letter.headers["wechatpay-serial"] == new != old
    assert wechatpay.authentic(letter.headers, letter.body)
    assert {path.stem for path in (keys_dir / "wechatpay_platform").iterdir()} == {old, new}
    assert json.loads((keys_dir / "accounts.json").read_text())["platform_serial"] == new
