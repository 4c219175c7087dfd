"""The stores as they are before anything has happened."""

import asyncpg
from redis.asyncio import Redis

# Rows go without regard to who refers to whom. Truncating would write each table's files anew,
# which takes ten times as long and waits for whoever still reads.
_FORGET_EVERYTHING = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
    FOR name IN SELECT quote_ident(sequencename) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP PERFORM setval(name::regclass, 1, false); END LOOP;
END $$
"""


async def empty_postgres(dsn: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5.0)
    await connection.execute(_FORGET_EVERYTHING)
    await connection.close()


async def empty_stores(redis_url: str, postgres_dsn: str) -> None:
    await empty_postgres(postgres_dsn)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
