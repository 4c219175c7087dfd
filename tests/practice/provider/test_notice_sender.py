"""The practice provider's sender of notices, by itself."""

import asyncio
from pathlib import Path

import pytest

from practice.provider.control import Controls
from practice.provider.keys import Keys
from practice.provider.notices import NoticeSender
from practice.provider.outbox import Outbox
from practice.provider.storage import Storage

SHUTDOWN_SECONDS = 5.0


@pytest.mark.parametrize("ticks", range(4))
async def test_it_stops_though_it_is_woken_just_then(keys_dir: Path, ticks: int) -> None:
    storage = Storage(None)
    sender = NoticeSender(Outbox(storage), Keys(keys_dir), Controls(storage), scale=1.0)
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
