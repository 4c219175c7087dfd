"""A town for each module that asks for one."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from redis.asyncio import Redis

from infra.embedded.ports import free_port
from infra.embedded.process import start, stop
from infra.embedded.temporal import TemporalServer
from tests.races.town import Town, open_town


@pytest.fixture(scope="module")
async def own_temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The audit looks at every running workflow, so a town's Temporal serves nobody else."""
    folder = tmp_path_factory.mktemp("town_temporal")
    server = TemporalServer(free_port(), free_port())
    running = await start(server, folder / "temporal.log", die_with_parent=True)
    yield server.address
    await stop(running)


@pytest.fixture(scope="module")
async def empty_stores(redis_url: str, postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn, timeout=5.0)
    names = await connection.fetchval(
        "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables"
        " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    await connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    await connection.close()
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()


@pytest.fixture(scope="module")
async def town(
    empty_stores: None,
    redis_url: str,
    postgres_dsn: str,
    own_temporal: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Town]:
    """A town whose worker is at work."""
    keys = tmp_path_factory.mktemp("town_keys")
    async with open_town(
        keys=keys,
        redis_url=redis_url,
        postgres_dsn=postgres_dsn,
        temporal_address=own_temporal,
    ) as opened:
        opened.worker.start()
        yield opened
