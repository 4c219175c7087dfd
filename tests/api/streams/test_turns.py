"""Turns are taken while somebody wants them, at their pace."""

import asyncio

import pytest

from api.streams.turns import Turns
from tests.support.polling import until


async def test_turns_have_their_pace_go_on_after_trouble_and_cost_nothing_unwanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted, happened, sleep = True, ["begun"], asyncio.sleep

    async def turn() -> None:
        happened.append("turn")
        if len(happened) < 4:
            raise OSError("Redis is away")

    async def pause(seconds: float) -> None:
        happened.append(f"{seconds:g} s")
        await sleep(0)

    turns = Turns(turn, lambda: wanted, seconds=1.0, trouble="not_read")
    with monkeypatch.context() as patched:
        patched.setattr("api.streams.turns.asyncio.sleep", pause)
        running = asyncio.create_task(turns.run())
        await sleep(0)
        assert happened == ["begun"]
        turns.begin()
        while len(happened) < 7:
            await sleep(0)
        wanted = False
        while turns._wake.is_set():
            await sleep(0)
    taken = len(happened)
    turns.begin()
    await until(lambda: not turns._wake.is_set())
    running.cancel()
    assert happened[1:7] == ["turn", "1 s"] * 3
    assert len(happened) == taken
