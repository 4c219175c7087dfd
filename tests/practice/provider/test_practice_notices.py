"""Notices are repeated until they are heard, also by the next process."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from tests.support.merchant import AlipayShop, Letterbox, WechatShop, live

ROOT = Path(__file__).parents[3]


async def test_a_notice_is_repeated_until_the_merchant_says_success(
    provider: httpx.AsyncClient, alipay: AlipayShop, wechatpay: WechatShop, letterbox: Letterbox
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
    elsewhere = AlipayShop(provider, keys_dir, letterbox.wechatpay_url)
    await elsewhere.open_page("WORD-1")
    await provider.post("/trades/WORD-1/pay")
    await letterbox.arrived(2)
    asked = (await provider.post("/trades/WORD-1/notify")).json()
    assert (asked["acknowledged"], asked["status_code"]) == (False, 204)


async def test_a_merchant_who_is_away_is_told_by_the_answer_of_a_resend(
    provider: httpx.AsyncClient, keys_dir: Path
) -> None:
    away = AlipayShop(provider, keys_dir, "http://127.0.0.1:9/alipay")
    await away.open_page("AWAY-1")
    await provider.post("/trades/AWAY-1/pay")
    asked = (await provider.post("/trades/AWAY-1/notify")).json()
    assert (asked["acknowledged"], asked["status_code"], asked["body"]) == (
        False,
        None,
        "ConnectError",
    )


async def test_a_resend_names_the_kind_of_news(
    provider: httpx.AsyncClient, alipay: AlipayShop, letterbox: Letterbox
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


async def test_a_new_process_goes_on_with_the_book_and_the_waiting_notices(
    keys_dir: Path, tmp_path: Path, letterbox: Letterbox
) -> None:
    letterbox.refusals = 10**6
    book = tmp_path / "book.db"
    async with (
        live(create_app(keys_dir, book, notify_retry_scale=0.002)) as url,
        loopback_http(url) as provider,
    ):
        wechatpay = WechatShop(provider, keys_dir, letterbox.wechatpay_url)
        await wechatpay.create("RESTART-1")
        await provider.post("/trades/RESTART-1/pay")
        await provider.put("/control", json={"drop": 0.25})
        await letterbox.arrived(1)
        before = (await provider.get("/book")).json()
    letterbox.refusals = 0
    letterbox.letters.clear()
    async with (
        live(create_app(keys_dir, book, notify_retry_scale=0.002)) as url,
        loopback_http(url) as provider,
    ):
        letters = await letterbox.arrived(1)
        after = (await provider.get("/book")).json()
        control = (await provider.get("/control")).json()
    assert after == before
    assert control["drop"] == 0.25
    assert wechatpay.resource(letters[0])["out_trade_no"] == "RESTART-1"


@pytest.mark.servers
async def test_a_killed_process_loses_neither_money_nor_notice(
    keys_dir: Path, tmp_path: Path, letterbox: Letterbox
) -> None:
    first = await _process(keys_dir, tmp_path)
    async with loopback_http(first.url) as provider:
        alipay = AlipayShop(provider, keys_dir, letterbox.alipay_url)
        await provider.put("/control", json={"delay_seconds": [2, 2]})
        await alipay.open_page("KILL-1")
        await provider.post("/trades/KILL-1/pay")
    await first.kill()
    second = await _process(keys_dir, tmp_path)
    try:
        letters = await letterbox.arrived(1)
        async with loopback_http(second.url) as provider:
            line = (await provider.get("/trades/KILL-1")).json()
    finally:
        await second.kill()
    assert line["paid"] == 8800
    assert alipay.authentic(letters[0].form)


class _Running:
    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()


async def _process(keys_dir: Path, folder: Path) -> _Running:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "practice.provider", "--port", str(port), "--keys-dir", str(keys_dir),
        "--book", str(folder / "book.db"), "--notify-retry-scale", "0.001", cwd=ROOT,
    )  # fmt: skip
    running = _Running(process, f"http://127.0.0.1:{port}")
    async with loopback_http(running.url) as client:
        for _ in range(200):
            try:
                await client.get("/control")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return running
    await running.kill()
    raise TimeoutError("the practice provider did not start")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
