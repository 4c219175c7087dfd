"""A process that has no file left says so."""

import asyncio
import json
import resource
import sys
from pathlib import Path

import pytest

from api import open_files

RUNS_OUT = """
import asyncio, contextlib, os
from api.open_files import watch_open_files
from infra.settings import Settings
from infra.telemetry import configure_logging

async def run() -> None:
    configure_logging(Settings())
    held = []
    with contextlib.suppress(OSError):
        while True:
            held.append(os.dup(0))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            await watch_open_files()

asyncio.run(run())
"""


@pytest.mark.servers
async def test_when_files_run_out_the_log_says_so_and_not_all_the_time() -> None:
    process = await asyncio.create_subprocess_exec(
        *("prlimit", "--nofile=128:128", sys.executable, "-c", RUNS_OUT),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()

    (line,) = [json.loads(line) for line in out.splitlines()]
    assert (line["event"], line["level"]) == ("out_of_open_files", "error")
    assert line["open_files"] == 128


@pytest.mark.parametrize(
    ("files", "fitting"),
    [(1_000_000, 5_000), (1_024, 1_024 - open_files.OWN_FILES), (64, 16), (-1, 5_000)],
)
def test_as_many_connections_as_there_are_files_for(
    monkeypatch: pytest.MonkeyPatch, files: int, fitting: int
) -> None:
    limit = [1_024, files]

    def set_limit(_which: int, limits: tuple[int, int]) -> None:
        limit[:] = limits

    monkeypatch.setattr(resource, "getrlimit", lambda _which: tuple(limit))
    monkeypatch.setattr(resource, "setrlimit", set_limit)

    assert open_files.connections_that_fit(5_000) == fitting
