"""The embedded Redis."""

import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from practice.stack.ports import free_port
from practice.stack.process import start, stop
from practice.stack.redis import RedisServer


@pytest.mark.servers
@pytest.mark.parametrize("durable", [True, False])
async def test_only_a_durable_one_still_has_after_kill_nine_what_it_answered(
    tmp_path: Path, durable: bool
) -> None:
    server = RedisServer(tmp_path / "data", free_port(), durable=durable)
    running = await start(server, tmp_path / "redis.log")
    async with Redis.from_url(server.address) as redis:
        await redis.set("trace", "left")
    killed = running.find()
    assert killed is not None
    killed.send_signal(signal.SIGKILL)
    await stop(running)

    again = await start(server, tmp_path / "redis.log")
    async with Redis.from_url(server.address) as redis:
        found = await redis.get("trace")
    await stop(again)
    assert found == (b"left" if durable else None)


async def test_it_is_not_ready_where_nobody_listens(tmp_path: Path) -> None:
    assert not await RedisServer(tmp_path, free_port()).ready()
