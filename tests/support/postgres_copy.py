"""Postgres as it was a moment ago, without a backup of the server."""

from sqlalchemy import text

from infra.postgres.engine import Database
from infra.postgres.tables.catalogue import metadata

Copy = dict[str, str]


async def copy_of(database: Database) -> Copy:
    """Every row of every table, as JSON."""
    async with database.transaction() as connection:
        found = {
            name: await connection.scalar(
                text(f"SELECT coalesce(jsonb_agg(to_jsonb(kept)), '[]')::text FROM {name} kept")  # noqa: S608
            )
            for name in metadata.tables
        }
    return {name: str(rows) for name, rows in found.items()}


async def put_back(database: Database, copy: Copy) -> None:
    """All that was written since is gone."""
    async with database.transaction() as connection:
        # Rows as they were: nothing is done because of them once more.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(f"TRUNCATE {', '.join(copy)} CASCADE"))
        for table in metadata.sorted_tables:
            await connection.execute(
                text(
                    f"INSERT INTO {table.name} OVERRIDING SYSTEM VALUE SELECT * FROM"  # noqa: S608
                    f" jsonb_populate_recordset(NULL::{table.name}, (:rows)::jsonb)"
                ),
                {"rows": copy[table.name]},
            )
