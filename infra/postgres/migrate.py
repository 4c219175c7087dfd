"""Bring a database to the newest schema, creating it if it is missing."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from asyncpg import InterfaceError, PostgresError
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from infra.postgres.address import PostgresAddress
from infra.postgres.engine import DRIVER, connect_args

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x5EC_C111
CONNECT_SECONDS = 10
MIGRATE_SECONDS = 600


class NotMigrated(Exception):
    """Postgres could not be reached, or refused a change; the schema is as it was."""


async def migrate(dsn: str, *, pooler: bool = False) -> None:
    """Safe to run by several processes at once, and again. Raises UnusableSetting; NotMigrated,
    also after ten minutes."""
    arguments = connect_args(dsn, pooler=pooler, timeout=CONNECT_SECONDS)
    try:
        async with asyncio.timeout(MIGRATE_SECONDS):
            await _create_missing_database(PostgresAddress.parse(dsn))
            await _upgrade(arguments)
    except TimeoutError as error:
        raise NotMigrated("Postgres did not answer in time") from error
    except (OSError, PostgresError, InterfaceError, SQLAlchemyError, CommandError) as error:
        raise NotMigrated(f"Postgres could not be brought up to date: {error}") from error


async def _upgrade(arguments: dict[str, Any]) -> None:
    engine = create_async_engine(DRIVER, poolclass=NullPool, connect_args=arguments)
    try:
        async with engine.begin() as connection:
            # Every process of an installation migrates at its start, all at one moment.
            await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "head"))
    finally:
        await engine.dispose()


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def _create_missing_database(address: PostgresAddress) -> None:
    """Tries the database itself first: a hosted role may see no other one."""
    try:
        await _close(await _open(address))
    except asyncpg.InvalidCatalogNameError:
        if address.database is None:
            raise
        keeper = await _open(address, database="postgres")
        name = address.database.replace('"', '""')
        # Another process may create it between the look and this query.
        with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            await keeper.execute(f'CREATE DATABASE "{name}"')
        await _close(keeper)


async def _open(
    address: PostgresAddress, database: str | None = None
) -> "asyncpg.Connection[asyncpg.Record]":
    # Without prepared statements, which a pooler in between might not know again.
    return await address.connect(timeout=CONNECT_SECONDS, database=database, statement_cache_size=0)


async def _close(connection: asyncpg.Connection) -> None:
    await connection.close(timeout=CONNECT_SECONDS)
