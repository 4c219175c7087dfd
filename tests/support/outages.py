"""Settings of an API whose stores are away, or stand still."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from infra.settings import Settings

NOWHERE: dict[str, dict[str, Any]] = {
    "redis": {"redis_url": "redis://127.0.0.1:1/0", "redis_timeout_seconds": 0.5},
    "postgres": {"postgres_dsn": "postgresql://nobody@127.0.0.1:1/none"},
}


def without(settings: Settings, *names: str) -> Settings:
    changes: dict[str, Any] = {}
    for name in names:
        changes |= NOWHERE[name]
    return settings.model_copy(update=changes)


@asynccontextmanager
async def standing_still() -> AsyncIterator[str]:
    """The address of a server that takes each connection, and never says anything."""
    over = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        over.set()
        server.close()
