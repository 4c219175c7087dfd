"""The practice provider for software nobody here wrote."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from practice.provider.server import create_app
from practice.stack.loopback import loopback_http
from tests.support.foreign_merchant import ForeignMerchant
from tests.support.http_server import serving
from tests.support.letterbox import Letterbox


@pytest.fixture
async def merchant(
    keys_dir: Path, letterbox: Letterbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ForeignMerchant]:
    # SDKs read the environment; nothing here leaves this machine.
    monkeypatch.setenv("no_proxy", "*")
    app = create_app(keys_dir, None, notify_retry_scale=0.001, refund_seconds=0.05)
    async with serving(app) as url, loopback_http(url) as provider:
        yield ForeignMerchant(provider, url, letterbox, keys_dir)
