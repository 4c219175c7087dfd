"""Servers that run as long as a test, or a fixture, wants them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from practice.stack.ports import free_port
from practice.stack.process import Server, start, stop
from practice.stack.temporal import TemporalServer


@asynccontextmanager
async def running(server: Server, folder: Path) -> AsyncIterator[str]:
    """The address at which the server answers. Its log is in `folder`."""
    process = await start(server, folder / f"{server.name}.log", die_with_parent=True)
    try:
        yield server.address
    finally:
        await stop(process)


@asynccontextmanager
async def own_temporal(folder: Path) -> AsyncIterator[str]:
    """A Temporal in memory, for who looks at every running workflow: the audit does."""
    async with running(TemporalServer(free_port(), free_port()), folder) as address:
        yield address
