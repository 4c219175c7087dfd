"""The practice provider as a process: it goes on where the last one ended."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from practice.stack.ports import free_port
from tests.support.http_server import serving
from tests.support.letterbox import Letterbox
from tests.support.merchant import AlipayMerchant, WechatPayMerchant

ROOT = Path(__file__).parents[3]


async def test_a_new_process_goes_on_with_the_book_and_the_waiting_notices(
    keys_dir: Path, tmp_path: Path, letterbox: Letterbox
) -> None:
    letterbox.refusals = 10**6
    book = tmp_path / "book.db"
    async with (
        serving(create_app(keys_dir, book, notify_retry_scale=0.002)) as url,
        loopback_http(url) as provider,
    ):
        wechatpay = WechatPayMerchant(provider, keys_dir, letterbox.wechatpay_url)
        await wechatpay.create("RESTART-1")
        await provider.post("/trades/RESTART-1/pay")
        await provider.put("/control", json={"drop": 0.25})
        await letterbox.arrived(1)
        before = (await provider.get("/book")).json()
    letterbox.refusals = 0
    letterbox.letters.clear()
    async with (
        serving(create_app(keys_dir, book, notify_retry_scale=0.002)) as url,
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
        alipay = AlipayMerchant(provider, keys_dir, letterbox.alipay_url)
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
    port = free_port()
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
