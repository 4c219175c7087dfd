"""The `seckill` command with a home of its own, driven as a user drives it."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from practice.stack.home import Home
from practice.stack.shutdown import stop_stack

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@dataclass
class CommandLine:
    """`seckill` with a home of its own. `prefix` runs it as somebody else."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(*self.prefix, sys.executable, "-m", "cli", *arguments),
            cwd=PROJECT,
            env=self._environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str) -> Outcome:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        return Outcome(process.returncode or 0, out.decode(), err.decode())

    async def up(self, *only: str) -> dict[str, Any]:
        outcome = await self.run("up", "--detach", *flags(only))
        assert outcome.code == 0, outcome.err
        return self.stack()

    async def down(self) -> None:
        """As the command does it, in this process: for the end of a test."""
        await stop_stack(Home(self.home.resolve()))

    def stack(self) -> dict[str, Any]:
        described: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        return described

    def processes(self) -> list[psutil.Process]:
        """Every living process that was told about this home, whoever its parent is now."""
        found = [p for p in psutil.process_iter() if str(self.home) in _traces(p)]
        return [p for p in found if _lives(p)]

    def _environment(self) -> dict[str, str]:
        ours = ("SECKILL_", "TEMPORAL_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return {**inherited, "SECKILL_HOME": str(self.home), **self.environment}


def flags(only: tuple[str, ...]) -> list[str]:
    return [word for name in only for word in ("--only", name)]


def _traces(process: psutil.Process) -> str:
    try:
        return " ".join((*process.cmdline(), process.cwd(), str(process.environ())))
    except psutil.Error:
        return ""


async def eventually_no_process(command: CommandLine) -> None:
    async with asyncio.timeout(60):
        while command.processes():
            await asyncio.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    """A process may end between being found and being asked."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
