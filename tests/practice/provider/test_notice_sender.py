"""Notices are repeated until they are heard, and spoilt where a switch says so."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from practice.provider.control import Controls
from practice.provider.keys import Keys
from practice.provider.notice_queue import NoticeQueue
from practice.provider.notice_sender import NoticeSender
from practice.provider.storage import Storage
from tests.support.letterbox import Letterbox
from tests.support.merchant import AlipayMerchant, WechatPayMerchant

SHUTDOWN_SECONDS = 5.0


@pytest.mark.parametrize("ticks", range(4))
async def test_it_stops_though_it_is_woken_just_then(keys_dir: Path, ticks: int) -> None:
    storage = Storage(None)
    sender = NoticeSender(NoticeQueue(storage), Keys(keys_dir), Controls(storage), scale=1.0)
    run = asyncio.create_task(sender.run())
    await _turns(3)
    sender.wake()
    await _turns(ticks)
    run.cancel()
    stopped, _ = await asyncio.wait({run}, timeout=SHUTDOWN_SECONDS)
    run.cancel()
    await sender.aclose()
    storage.close()
    assert stopped


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_notice_is_repeated_until_the_merchant_says_success(
    provider: httpx.AsyncClient,
    alipay: AlipayMerchant,
    wechatpay: WechatPayMerchant,
    letterbox: Letterbox,
) -> None:
    letterbox.refusals = 3
    await alipay.open_page("REPEAT-A")
    await provider.post("/trades/REPEAT-A/pay")
    alipay_letters = list(await letterbox.arrived(4))
    letterbox.refusals = 2
    await wechatpay.create("REPEAT-W")
    await provider.post("/trades/REPEAT-W/pay")
    letters = await letterbox.arrived(7)
    assert len({letter.form["notify_id"] for letter in alipay_letters}) == 1
    assert all(alipay.authentic(letter.form) for letter in alipay_letters)
    assert len({letter.body.split(b'"id":"')[1][:32] for letter in letters[4:]}) == 1


async def test_anything_but_the_plain_word_is_no_success_for_alipay(
    provider: httpx.AsyncClient, keys_dir: Path, letterbox: Letterbox
) -> None:
    elsewhere = AlipayMerchant(provider, keys_dir, letterbox.wechatpay_url)
    await elsewhere.open_page("WORD-1")
    await provider.post("/trades/WORD-1/pay")
    await letterbox.arrived(2)
    asked = (await provider.post("/trades/WORD-1/notify")).json()
    assert (asked["acknowledged"], asked["status_code"]) == (False, 204)


async def switch(provider: httpx.AsyncClient, **switches: Any) -> None:
    (await provider.put("/control", json=switches)).raise_for_status()


async def test_a_tampered_amount_is_validly_signed_while_the_book_stays_right(
    provider: httpx.AsyncClient,
    alipay: AlipayMerchant,
    wechatpay: WechatPayMerchant,
    letterbox: Letterbox,
) -> None:
    await switch(provider, tamper_amount=1.0)
    await alipay.paid("AMOUNT-A")
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
    alipay: AlipayMerchant,
    wechatpay: WechatPayMerchant,
    letterbox: Letterbox,
) -> None:
    await switch(provider, tamper_app=1.0)
    await alipay.paid("APP-A")
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
    alipay: AlipayMerchant,
    wechatpay: WechatPayMerchant,
    letterbox: Letterbox,
) -> None:
    await switch(provider, bad_signature=1.0)
    await alipay.paid("SIGN-A")
    form = (await letterbox.arrived(1))[0].form
    await wechatpay.create("SIGN-WX")
    await provider.post("/trades/SIGN-WX/pay")
    letter = (await letterbox.arrived(2))[1]
    assert form["total_amount"] == "88.00"
    assert not alipay.authentic(form)
    assert not wechatpay.authentic(letter.headers, letter.body)


async def test_a_probe_is_marked_as_wechat_pay_marks_it_and_the_repeat_is_right(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, letterbox: Letterbox
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
