"""What no real provider offers: the book and its buttons over HTTP."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.letterbox import Letterbox
from tests.support.merchant import AlipayMerchant, WechatPayMerchant

TEN = {
    "duplicate", "drop", "delay_seconds", "reorder", "tamper_amount", "tamper_app",
    "bad_signature", "fail_calls", "hang_calls", "pay_on_close",
}  # fmt: skip


async def test_the_book_pages_through_every_trade_once(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant
) -> None:
    for number in range(7):
        await wechatpay.create(f"page-no-{number}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await provider.get("/book", params={"cursor": cursor, "limit": 3})).json()
        seen += [trade["out_trade_no"] for trade in page["trades"]]
        cursor = page["next_cursor"]
    assert seen == [f"page-no-{number}" for number in range(7)]


async def test_a_line_of_the_book_says_what_was_paid_and_given_back(
    provider: httpx.AsyncClient, alipay: AlipayMerchant
) -> None:
    await alipay.open_page("LINE-1")
    unpaid = (await provider.get("/book")).json()["trades"][0]
    await provider.post("/trades/LINE-1/pay")
    said = {"out_trade_no": "LINE-1", "out_request_no": "R1", "refund_amount": "8.00"}
    await alipay.call("trade.refund", said)
    line = (await provider.get("/book")).json()["trades"][0]
    trade_no = line.pop("trade_no")
    assert (unpaid["paid"], unpaid["status"]) == (0, "waiting")
    assert trade_no == unpaid["trade_no"]
    assert line == {
        "provider": "alipay",
        "out_trade_no": "LINE-1",
        "subject": "闪购台灯 <b>lamp</b>",
        "amount": 8800,
        "paid": 8800,
        "refunded": 800,
        "status": "paid",
    }


async def test_a_page_nobody_opened_cannot_be_paid_unless_its_address_comes_along(
    provider: httpx.AsyncClient, alipay: AlipayMerchant
) -> None:
    url = alipay.page_url("UNSEEN-1")
    unknown = await provider.post("/trades/UNSEEN-1/pay")
    other = await provider.post("/trades/UNSEEN-2/pay", json={"url": url})
    forged = await provider.post("/trades/UNSEEN-1/pay", json={"url": url.replace("88.00", "0.01")})
    paid = await provider.post("/trades/UNSEEN-1/pay", json={"url": url})
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    assert "opened" in unknown.json()["detail"]
    assert (other.status_code, forged.status_code) == (400, 400)
    assert (paid.status_code, paid.json()["paid"]) == (200, 8800)


async def test_one_number_at_both_providers_asks_for_the_provider(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, wechatpay: WechatPayMerchant
) -> None:
    await alipay.open_page("BOTH-1")
    await wechatpay.create("BOTH-1")
    unclear = await provider.post("/trades/BOTH-1/pay")
    clear = await provider.post("/trades/BOTH-1/pay?provider=alipay")
    assert (unclear.status_code, unclear.json()["code"]) == (409, "AMBIGUOUS")
    assert clear.json()["provider"] == "alipay"


async def test_only_a_paid_alipay_trade_can_finish(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, wechatpay: WechatPayMerchant
) -> None:
    await alipay.open_page("END-A")
    await wechatpay.create("END-WX")
    assert (await provider.post("/trades/END-A/finish")).json()["code"] == "NOT_PAID"
    assert (await provider.post("/trades/END-WX/finish")).json()["code"] == "NOT_ALIPAY"


async def test_a_resend_names_the_kind_of_news(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, letterbox: Letterbox
) -> None:
    await alipay.open_page("KIND-1")
    nothing = await provider.post("/trades/KIND-1/notify")
    await provider.post("/trades/KIND-1/pay")
    said = {"out_trade_no": "KIND-1", "out_request_no": "R1", "refund_amount": "1.00"}
    await alipay.call("trade.refund", said)
    await letterbox.arrived(2)
    latest = (await provider.post("/trades/KIND-1/notify")).json()
    payment = (await provider.post("/trades/KIND-1/notify?kind=payment")).json()
    assert (nothing.status_code, nothing.json()["code"]) == (409, "NO_NOTICE")
    assert (latest["kind"], payment["kind"]) == ("refund", "payment")
    assert "out_biz_no" not in letterbox.letters[-1].form


async def test_a_merchant_who_is_away_is_told_by_the_answer_of_a_resend(
    provider: httpx.AsyncClient, keys_dir: Path
) -> None:
    away = AlipayMerchant(provider, keys_dir, "http://127.0.0.1:9/alipay")
    await away.open_page("AWAY-1")
    await provider.post("/trades/AWAY-1/pay")
    asked = (await provider.post("/trades/AWAY-1/notify")).json()
    assert (asked["acknowledged"], asked["status_code"], asked["body"]) == (
        False,
        None,
        "ConnectError",
    )


async def switch(provider: httpx.AsyncClient, **switches: Any) -> None:
    (await provider.put("/control", json=switches)).raise_for_status()


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
