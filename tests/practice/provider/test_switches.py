"""Each switch of the practice provider's misbehaviour really misbehaves."""

import asyncio
from functools import partial
from typing import Any

import httpx
import pytest

from tests.support.merchant import AlipayShop, Letterbox, WechatShop, charge, until

TEN = {
    "duplicate", "drop", "delay_seconds", "reorder", "tamper_amount", "tamper_app",
    "bad_signature", "fail_calls", "hang_calls", "pay_on_close",
}  # fmt: skip


async def switch(provider: httpx.AsyncClient, **switches: Any) -> None:
    (await provider.put("/control", json=switches)).raise_for_status()


async def paid(alipay: AlipayShop, provider: httpx.AsyncClient, number: str) -> None:
    await alipay.open_page(number)
    (await provider.post(f"/trades/{number}/pay")).raise_for_status()


async def test_all_switches_are_off_until_set_and_a_put_replaces_them_all(
    provider: httpx.AsyncClient,
) -> None:
    before = (await provider.get("/control")).json()
    await switch(provider, drop=0.5, delay_seconds=[1, 2])
    await switch(provider, duplicate=1.0)
    after = (await provider.get("/control")).json()
    assert set(before) >= TEN
    assert not any(value for name, value in before.items() if name != "delay_seconds")
    assert before["delay_seconds"] == [0, 0]
    assert (after["duplicate"], after["drop"], after["delay_seconds"]) == (1.0, 0.0, [0, 0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"drop": 1.1},
        {"drop": -0.1},
        {"drop": "often"},
        {"drop": True},
        {"delay_seconds": [2, 1]},
        {"delay_seconds": [1]},
        {"delay_seconds": 3},
        {"unheard_of": 1},
        [],
    ],
)
async def test_a_switch_set_to_nonsense_is_refused_and_changes_nothing(
    provider: httpx.AsyncClient, wrong: Any
) -> None:
    for address in ("/control", "/trades/ANY/control"):
        assert (await provider.put(address, json=wrong)).status_code == 422
        assert (await provider.get(address)).json()["drop"] == 0.0


async def test_a_trade_of_its_own_switches_leaves_the_others_alone(
    provider: httpx.AsyncClient, alipay: AlipayShop, letterbox: Letterbox
) -> None:
    await switch(provider, duplicate=1.0)
    set_ = await provider.put("/trades/LOST/control", json={"drop": 1.0})
    await paid(alipay, provider, "LOST")
    await paid(alipay, provider, "KEPT")
    letters = await letterbox.arrived(2)
    assert (set_.json()["drop"], set_.json()["duplicate"]) == (1.0, 1.0)
    assert {letter.form["out_trade_no"] for letter in letters} == {"KEPT"}


async def test_a_duplicate_says_the_same_again(
    provider: httpx.AsyncClient, alipay: AlipayShop, letterbox: Letterbox
) -> None:
    await switch(provider, duplicate=1.0)
    await paid(alipay, provider, "DOUBLE")
    first, second = await letterbox.arrived(2)
    assert first.form["notify_id"] == second.form["notify_id"]


async def test_a_dropped_notice_never_comes_unless_asked_for(
    provider: httpx.AsyncClient, alipay: AlipayShop, letterbox: Letterbox
) -> None:
    await switch(provider, drop=1.0)
    await paid(alipay, provider, "DROPPED")
    await switch(provider)
    await paid(alipay, provider, "SENT")
    await letterbox.arrived(1)
    asked = (await provider.post("/trades/DROPPED/notify")).json()
    numbers = [letter.form["out_trade_no"] for letter in letterbox.letters]
    assert numbers == ["SENT", "DROPPED"]
    assert (asked["acknowledged"], asked["status_code"], asked["body"]) == (True, 200, "success")


async def test_a_delayed_notice_comes_later_than_one_paid_after_it(
    provider: httpx.AsyncClient, alipay: AlipayShop, letterbox: Letterbox
) -> None:
    await switch(provider, delay_seconds=[0.8, 1.0])
    await paid(alipay, provider, "SLOW")
    await switch(provider)
    await paid(alipay, provider, "QUICK")
    letters = await letterbox.arrived(2)
    assert [letter.form["out_trade_no"] for letter in letters] == ["QUICK", "SLOW"]


async def test_a_reordered_notice_is_overtaken_by_the_next_of_its_trade(
    provider: httpx.AsyncClient, alipay: AlipayShop, letterbox: Letterbox
) -> None:
    await switch(provider, reorder=1.0)
    await paid(alipay, provider, "ORDER")
    said = {"out_trade_no": "ORDER", "out_request_no": "R1", "refund_amount": "88.00"}
    await alipay.call("trade.refund", said)
    letters = await letterbox.arrived(2)
    assert [letter.form["trade_status"] for letter in letters] == ["TRADE_CLOSED", "TRADE_SUCCESS"]


async def test_a_tampered_amount_is_validly_signed_while_the_book_stays_right(
    provider: httpx.AsyncClient,
    alipay: AlipayShop,
    wechatpay: WechatShop,
    letterbox: Letterbox,
) -> None:
    await switch(provider, tamper_amount=1.0)
    await paid(alipay, provider, "AMOUNT-A")
    form = (await letterbox.arrived(1))[0].form
    await wechatpay.create("AMOUNT-W")
    await provider.post("/trades/AMOUNT-W/pay")
    letter = (await letterbox.arrived(2))[1]
    book = (await provider.get("/book")).json()["trades"]
    assert alipay.authentic(form)
    assert form["total_amount"] == "88.01"
    assert wechatpay.authentic(letter.headers, letter.body)
    assert wechatpay.resource(letter)["amount"]["total"] == 8801
    assert [(trade["amount"], trade["paid"]) for trade in book] == [(8800, 8800)] * 2


async def test_a_tampered_app_is_validly_signed_for_another_merchant(
    provider: httpx.AsyncClient,
    alipay: AlipayShop,
    wechatpay: WechatShop,
    letterbox: Letterbox,
) -> None:
    await switch(provider, tamper_app=1.0)
    await paid(alipay, provider, "APP-A")
    form = (await letterbox.arrived(1))[0].form
    await wechatpay.create("APP-WX")
    await provider.post("/trades/APP-WX/pay")
    letter = (await letterbox.arrived(2))[1]
    assert alipay.authentic(form)
    assert form["app_id"] != alipay.app_id
    assert wechatpay.authentic(letter.headers, letter.body)
    assert wechatpay.resource(letter)["appid"] != wechatpay.appid
    assert wechatpay.resource(letter)["mchid"] != wechatpay.mchid


async def test_a_bad_signature_does_not_verify(
    provider: httpx.AsyncClient,
    alipay: AlipayShop,
    wechatpay: WechatShop,
    letterbox: Letterbox,
) -> None:
    await switch(provider, bad_signature=1.0)
    await paid(alipay, provider, "SIGN-A")
    form = (await letterbox.arrived(1))[0].form
    await wechatpay.create("SIGN-WX")
    await provider.post("/trades/SIGN-WX/pay")
    letter = (await letterbox.arrived(2))[1]
    assert form["total_amount"] == "88.00"
    assert not alipay.authentic(form)
    assert not wechatpay.authentic(letter.headers, letter.body)


async def test_a_probe_is_marked_as_wechat_pay_marks_it_and_the_repeat_is_right(
    provider: httpx.AsyncClient, wechatpay: WechatShop, letterbox: Letterbox
) -> None:
    letterbox.refusals = 1
    await wechatpay.create("PROBE-1")
    await provider.put("/trades/PROBE-1/control", json={"probe_signature": 1.0})
    await provider.post("/trades/PROBE-1/pay")
    await letterbox.arrived(1)
    await provider.put("/trades/PROBE-1/control", json={})
    await provider.post("/trades/PROBE-1/notify")
    probe, *_, repeat = letterbox.letters
    assert probe.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    assert not wechatpay.authentic(probe.headers, probe.body)
    assert wechatpay.authentic(repeat.headers, repeat.body)


async def test_a_failing_call_answers_500_and_may_have_worked_all_the_same(
    provider: httpx.AsyncClient, alipay: AlipayShop
) -> None:
    await switch(provider, fail_calls=1.0, seed=7)
    form = alipay.signed("alipay.trade.precreate", charge("FAIL-0"))
    answers = []
    for number in range(20):
        form = alipay.signed("alipay.trade.precreate", charge(f"FAIL-{number}"))
        answers.append(await provider.post("/alipay/gateway.do", data=form))
    book = (await provider.get("/book")).json()["trades"]
    assert {answer.status_code for answer in answers} == {500}
    assert 0 < len(book) < 20


async def test_a_failing_call_hits_wechat_pay_as_well(
    provider: httpx.AsyncClient, wechatpay: WechatShop
) -> None:
    await provider.put("/trades/FAIL-WX/control", json={"fail_calls": 1.0})
    target = f"/wechatpay/v3/pay/transactions/out-trade-no/FAIL-WX?mchid={wechatpay.mchid}"
    assert (await wechatpay.send("GET", target)).status_code == 500
    assert (await wechatpay.query("other-one")).status_code == 404


async def test_a_hanging_call_gives_no_answer_and_does_not_block_the_others(
    provider: httpx.AsyncClient, alipay: AlipayShop
) -> None:
    await provider.put("/trades/HANG-1/control", json={"hang_calls": 1.0})
    form = alipay.signed("alipay.trade.query", {"out_trade_no": "HANG-1"})
    hanging = asyncio.create_task(
        provider.post("/alipay/gateway.do", data=form, timeout=httpx.Timeout(1.0))
    )
    other = await alipay.call("trade.query", {"out_trade_no": "HANG-2"})
    with pytest.raises(httpx.ReadTimeout):
        await hanging
    assert other["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_a_buyer_pays_in_the_instant_of_the_close(
    provider: httpx.AsyncClient,
    alipay: AlipayShop,
    wechatpay: WechatShop,
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
    provider: httpx.AsyncClient, wechatpay: WechatShop, letterbox: Letterbox
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


async def test_the_same_seed_draws_the_same_losses(
    provider: httpx.AsyncClient, alipay: AlipayShop, letterbox: Letterbox
) -> None:
    losses = []
    for round_ in ("A", "B"):
        await switch(provider, drop=0.5, seed=42)
        for number in range(12):
            await paid(alipay, provider, f"{round_}-{number}")
        await switch(provider)
        await paid(alipay, provider, f"{round_}-LAST")
        await until(partial(_came, letterbox, f"{round_}-LAST"))
        losses.append({n for n in range(12) if not _came(letterbox, f"{round_}-{n}")})
    assert losses[0] == losses[1]
    assert 0 < len(losses[0]) < 12


def _came(letterbox: Letterbox, number: str) -> bool:
    return any(letter.form["out_trade_no"] == number for letter in letterbox.letters)
