"""A long step shows that it is alive, and stops showing it when it is over."""

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from activities import heartbeats


async def test_a_long_step_beats_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "EVERY_SECONDS", 0.01)
    environment = ActivityEnvironment()
    beats: list[object] = []
    third = asyncio.Event()

    def beat(*details: object) -> None:
        beats.append(details)
        if len(beats) == 3:
            third.set()

    environment.on_heartbeat = beat

    async def long_step() -> int:
        async with heartbeats.heartbeats():
            await third.wait()
        over = len(beats)
        await asyncio.sleep(0.05)
        return over

    assert await environment.run(long_step) == len(beats)


async def test_a_step_that_fails_beats_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "EVERY_SECONDS", 0.01)
    environment = ActivityEnvironment()
    beats: list[object] = []
    environment.on_heartbeat = lambda *details: beats.append(details)

    async def failing_step() -> None:
        async with heartbeats.heartbeats():
            raise LookupError("gone")

    with pytest.raises(LookupError):
        await environment.run(failing_step)
    at_its_end = len(beats)
    await asyncio.sleep(0.05)

    assert len(beats) == at_its_end
