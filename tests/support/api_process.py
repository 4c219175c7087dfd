"""`seckill api` as a process of its own, as production runs it. Its stores are away."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from practice.stack.loopback import loopback_http
from practice.stack.ports import free_port

PROJECT = Path(__file__).parents[2]
NOWHERE = {
    "SECKILL_REDIS_URL": "redis://127.0.0.1:1/0",
    "SECKILL_POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/none",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "SECKILL_JWT_SECRET": "x" * 32,
}


@dataclass(frozen=True)
class ApiProcess:
    port: int
    pid: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        """What it logged; each line must be one JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def events(self) -> list[str]:
        return [str(line["event"]) for line in self.lines()]


async def start_api(
    log: Path, environment: Mapping[str, str], *prefix: str
) -> tuple[asyncio.subprocess.Process, int]:
    port = free_port()
    ours = ("SECKILL_", "TEMPORAL_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-m", "cli", "api"),
            cwd=PROJECT,
            env={**inherited, **NOWHERE, "SECKILL_API_PORT": str(port), **environment},
            stdout=output,
            stderr=output,
        )
    return process, port


@asynccontextmanager
async def api_process(folder: Path, *prefix: str, **environment: str) -> AsyncIterator[ApiProcess]:
    """Serving, until the block ends. `prefix` runs it as somebody else, or with less."""
    log = folder / "api.log"
    process, port = await start_api(log, environment, *prefix)
    try:
        running = ApiProcess(port, process.pid, log)
        async with asyncio.timeout(60), loopback_http() as http:
            while not await _answers(http, running.url):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.1)
        yield running
    finally:
        if process.returncode is None:
            psutil.Process(process.pid).terminate()
        await process.wait()


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/healthz")).is_success
    except httpx.HTTPError:
        return False
