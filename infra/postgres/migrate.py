"""Bring a database to the newest schema, creating it if it is missing."""

import asyncio
from contextlib import suppress
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from infra.postgres.engine import asyncpg_url

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x5EC_C111
CONNECT_SECONDS = 10
MIGRATE_SECONDS = 600


async def migrate(dsn: str) -> None:
    """Safe to run by several processes at once, and again. Raises TimeoutError after ten minutes;
    the schema is then as it was, for all migrations share one transaction."""
    async with asyncio.timeout(MIGRATE_SECONDS):
        await _create_missing_database(dsn)
        engine = create_async_engine(
            asyncpg_url(dsn), poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS}
        )
        try:
            async with engine.begin() as connection:
                # Every process of an installation migrates at its start, all at one moment.
                await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
                await connection.run_sync(
                    lambda sync: command.upgrade(alembic_config(sync), "head")
                )
        finally:
            await engine.dispose()


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def _create_missing_database(dsn: str) -> None:
    """Tries the database itself first: a hosted role may see no other one."""
    url = asyncpg_url(dsn).set(drivername="postgresql")
    try:
        await _close(await _open(url.render_as_string(hide_password=False)))
    except asyncpg.InvalidCatalogNameError:
        keeper = await _open(url.set(database="postgres").render_as_string(hide_password=False))
        name = str(url.database).replace('"', '""')
        # Another process may create it between the look and this query.
        with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            await keeper.execute(f'CREATE DATABASE "{name}"')
        await _close(keeper)


async def _open(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)


async def _close(connection: asyncpg.Connection) -> None:
    await connection.close(timeout=CONNECT_SECONDS)
