"""`seckill worker` as a process of its own, as production runs it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.command_line import PROJECT


@dataclass(frozen=True)
class WorkerProcess:
    process: asyncio.subprocess.Process
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text()

    def events(self) -> list[str]:
        """What it has logged in whole lines; each must be one JSON object."""
        whole = self.text.rpartition("\n")[0]
        return [str(json.loads(line)["event"]) for line in whole.splitlines()]


@asynccontextmanager
async def worker_process(log: Path, environment: Mapping[str, str]) -> AsyncIterator[WorkerProcess]:
    """Begun, and ended with the block if it has not ended by then."""
    ours = ("SECKILL_", "TEMPORAL_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "worker"),
            cwd=PROJECT,
            env={**inherited, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield WorkerProcess(process, log)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
