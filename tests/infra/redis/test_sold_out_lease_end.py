"""How a node stops to listen for stock that came back."""

import asyncio

import pytest
from redis.asyncio import Redis

from infra.redis.sold_out_lease import SoldOutLeases


async def test_it_ends_although_a_cancellation_was_lost(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As redis-py loses one that meets the answer to a command."""
    lost: list[bool] = []

    async def hears(_: SoldOutLeases) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(True)

    monkeypatch.setattr(SoldOutLeases, "_hear_all", hears)

    async def listens_for_a_moment() -> None:
        async with SoldOutLeases.listening(redis):
            # Or it would be cancelled before it has begun.
            await asyncio.sleep(0)

    ended, _ = await asyncio.wait({asyncio.create_task(listens_for_a_moment())}, timeout=30)
    assert ended and lost == [True]
