import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text

from infra.postgres.engine import Database
from infra.postgres.migrate import migrate
from infra.postgres.tables.catalogue import metadata

CONSTRAINTS = text(
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace AND conrelid <> 0"
)
INDEXES = text("SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
COLUMNS = text(
    "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,"
    " column_default, identity_generation FROM information_schema.columns"
    " WHERE table_schema = 'public'"
)


@pytest.fixture
async def fresh_dsn(postgres_dsn: str) -> AsyncIterator[str]:
    """A database that does not exist yet."""
    yield make_url(postgres_dsn).set(database="fresh").render_as_string(hide_password=False)
    keeper = await asyncpg.connect(postgres_dsn)
    await keeper.execute("DROP DATABASE IF EXISTS fresh WITH (FORCE)")
    await keeper.close()


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def _schema(dsn: str) -> set[tuple[object, ...]]:
    database = Database.connect(dsn)
    async with database.transaction() as connection:
        rows = [
            tuple(row)
            for query in (CONSTRAINTS, INDEXES, COLUMNS)
            for row in await connection.execute(query)
        ]
    await database.aclose()
    return {row for row in rows if "alembic" not in str(row[0])}


async def test_alembic_finds_no_difference_between_migrations_and_tables(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        assert await connection.run_sync(_differences) == []


async def test_migrations_build_the_very_constraints_and_indexes_of_the_tables(
    postgres_dsn: str, fresh_dsn: str
) -> None:
    keeper = await asyncpg.connect(postgres_dsn)
    await keeper.execute("CREATE DATABASE fresh")
    await keeper.close()
    created = Database.connect(fresh_dsn)
    async with created.transaction() as connection:
        await connection.run_sync(metadata.create_all)
    await created.aclose()
    assert await _schema(postgres_dsn) == await _schema(fresh_dsn)


async def test_a_missing_database_is_created_by_several_processes_at_once(fresh_dsn: str) -> None:
    await asyncio.gather(*(migrate(fresh_dsn) for _ in range(3)))
    database = Database.connect(fresh_dsn)
    async with database.transaction() as connection:
        assert await connection.run_sync(_differences) == []
    await database.aclose()


async def test_migrating_again_keeps_what_is_there(fresh_dsn: str) -> None:
    await migrate(fresh_dsn)
    database = Database.connect(fresh_dsn)
    async with database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO points_accounts (user_id, balance) VALUES ('ada', 7)")
        )
    await migrate(fresh_dsn)
    async with database.transaction() as connection:
        query = text("SELECT balance FROM points_accounts")
        assert (await connection.execute(query)).scalars().all() == [7]
    await database.aclose()
