"""A Redis that a test may kill and start again."""

from pathlib import Path

from redis.asyncio import Redis

from infra.redis.client import connect_redis
from infra.settings import Settings
from practice.stack.ports import free_port
from practice.stack.process import RunningProcess, start, stop
from practice.stack.redis import RedisServer


class OwnRedis:
    """A durable server of one test's own, which the test may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = RedisServer(folder / "data", free_port())
        self._running: RunningProcess | None = None
        self.client: Redis = connect_redis(
            Settings(redis_url=self._server.address, redis_timeout_seconds=1.0)
        )

    async def start(self) -> None:
        log = self._folder / "redis.log"
        self._running = await start(self._server, log, die_with_parent=True)

    async def kill(self) -> None:
        process = self._running and self._running.find()
        if process:
            process.kill()
            process.wait(5)

    async def aclose(self) -> None:
        await self.client.aclose()
        if self._running:
            await stop(self._running)
