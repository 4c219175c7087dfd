"""A practice provider on a port of its own, and merchants who know how to call it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from tests.support.http_server import serving
from tests.support.letterbox import Letterbox
from tests.support.merchant import AlipayMerchant, Clock, WechatPayMerchant


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def provider(
    keys_dir: Path, tmp_path: Path, clock: Clock
) -> AsyncIterator[httpx.AsyncClient]:
    """The practice provider; a repeat of a notice comes within hundredths of a second."""
    app = create_app(
        keys_dir, tmp_path / "book.db", notify_retry_scale=0.0002, refund_seconds=0.05, clock=clock
    )
    async with serving(app) as url, loopback_http(url, timeout_seconds=20) as client:
        yield client


@pytest.fixture
def alipay(provider: httpx.AsyncClient, keys_dir: Path, letterbox: Letterbox) -> AlipayMerchant:
    return AlipayMerchant(provider, keys_dir, letterbox.alipay_url)


@pytest.fixture
def wechatpay(
    provider: httpx.AsyncClient, keys_dir: Path, letterbox: Letterbox
) -> WechatPayMerchant:
    return WechatPayMerchant(provider, keys_dir, letterbox.wechatpay_url)
