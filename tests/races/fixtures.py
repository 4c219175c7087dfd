"""A town on its feet, for those who test in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.embedded.ports import free_port
from infra.embedded.process import start, stop
from infra.embedded.temporal import TemporalServer
from tests.races.town import Town, open_town
from tests.stores import empty_stores


@asynccontextmanager
async def standing_town(
    redis_url: str, postgres_dsn: str, keys: Path, folder: Path, **more: str
) -> AsyncIterator[Town]:
    """The stores are emptied for it, and its worker is at work."""
    await empty_stores(redis_url, postgres_dsn)
    async with (
        own_temporal(folder) as temporal_address,
        open_town(
            keys=keys,
            redis_url=redis_url,
            postgres_dsn=postgres_dsn,
            temporal_address=temporal_address,
            **more,
        ) as town,
    ):
        town.worker.start()
        yield town


@asynccontextmanager
async def own_temporal(folder: Path) -> AsyncIterator[str]:
    """The audit looks at every running workflow, so a town's Temporal serves nobody else."""
    server = TemporalServer(free_port(), free_port())
    running = await start(server, folder / "temporal.log", die_with_parent=True)
    try:
        yield server.address
    finally:
        await stop(running)
