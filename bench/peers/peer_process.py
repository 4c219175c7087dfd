"""One process of a peer: a module run by the Python that has what it needs."""

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from practice.stack.home import PROJECT
from practice.stack.ports import LOOPBACK
from practice.stack.process import Command


@dataclass(frozen=True)
class PeerProcess:
    """Ready when it listens on `port`, which is its module's first argument."""

    name: str
    python: Path
    module: str
    port: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    async def prepare(self) -> None:
        """Nothing: all it keeps is in the stores."""

    def command(self) -> Command:
        argv = (str(self.python), "-m", self.module, str(self.port), *self.arguments)
        return Command(argv, {**os.environ, **self.environment}, PROJECT)

    async def ready(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        writer.close()
        return True
