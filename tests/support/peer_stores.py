"""Stores for a peer of the bench: a database of its own, whose tables are not ours."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from bench.peers.peer import PeerStores


@asynccontextmanager
async def own_peer_stores(redis_url: str, postgres_dsn: str) -> AsyncIterator[PeerStores]:
    name = f"peers_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(postgres_dsn, timeout=5.0)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        dsn = urlsplit(postgres_dsn)._replace(path=f"/{name}").geturl()
        yield PeerStores(redis_url, dsn, {})
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()
