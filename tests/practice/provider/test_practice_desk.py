"""The book, the Pay button, and pay against close."""

import asyncio
import stat
from pathlib import Path

import httpx

from practice.provider.keys import Keys
from tests.support.merchant import AlipayShop, Letterbox, WechatShop


async def test_the_book_pages_through_every_trade_once(
    provider: httpx.AsyncClient, wechatpay: WechatShop
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
    provider: httpx.AsyncClient, alipay: AlipayShop
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
    provider: httpx.AsyncClient, alipay: AlipayShop
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


async def test_pressing_pay_twice_takes_the_money_once_and_tells_it_once(
    provider: httpx.AsyncClient, wechatpay: WechatShop, letterbox: Letterbox
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
    provider: httpx.AsyncClient, wechatpay: WechatShop, letterbox: Letterbox
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


async def test_one_number_at_both_providers_asks_for_the_provider(
    provider: httpx.AsyncClient, alipay: AlipayShop, wechatpay: WechatShop
) -> None:
    await alipay.open_page("BOTH-1")
    await wechatpay.create("BOTH-1")
    unclear = await provider.post("/trades/BOTH-1/pay")
    clear = await provider.post("/trades/BOTH-1/pay?provider=alipay")
    assert (unclear.status_code, unclear.json()["code"]) == (409, "AMBIGUOUS")
    assert clear.json()["provider"] == "alipay"


async def test_only_a_paid_alipay_trade_can_finish(
    provider: httpx.AsyncClient, alipay: AlipayShop, wechatpay: WechatShop
) -> None:
    await alipay.open_page("END-A")
    await wechatpay.create("END-WX")
    assert (await provider.post("/trades/END-A/finish")).json()["code"] == "NOT_PAID"
    assert (await provider.post("/trades/END-WX/finish")).json()["code"] == "NOT_ALIPAY"


def test_keys_are_made_once_and_their_secrets_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = Keys(folder)
    contents = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = Keys(folder)
    secrets = [path for path in contents if "private" in str(path) or path.suffix == ".txt"]
    assert again.accounts == first.accounts
    assert {path: path.read_bytes() for path in contents} == contents
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(secrets) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert len(first.api_v3_key) == 32
    assert (folder / "wechatpay_platform" / f"{first.accounts.platform_serial}.pem").exists()
