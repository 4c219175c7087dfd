"""The one way to Postgres: a pool, and transactions that end at the caller's edge."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from sqlalchemy import URL, event, func, make_url, select
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

if TYPE_CHECKING:
    import asyncpg

    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Driver = Any

# A process that hangs inside a transaction must not keep a hot row locked for ever.
IDLE_IN_TRANSACTION_MS = 30_000


def asyncpg_url(dsn: str) -> URL:
    """`postgresql://…` as libpq writes it, in the spelling asyncpg's dialect wants."""
    url = make_url(dsn).set(drivername="postgresql+asyncpg")
    sslmode = url.query.get("sslmode")
    if sslmode is None:
        return url
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": sslmode})


class Database:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    def connect(cls, dsn: str, *, pool_size: int = 20, timeout_seconds: float = 4.0) -> Self:
        """Opens no connection yet. The timeout holds for connecting, for each query and for
        waiting on a full pool; a TimeoutError then leaves the outcome of the transaction open."""
        engine = create_async_engine(
            asyncpg_url(dsn),
            # Guards that wait for another transaction must then see what it wrote.
            isolation_level="READ COMMITTED",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=timeout_seconds,
            connect_args={
                "timeout": timeout_seconds,
                "command_timeout": timeout_seconds,
                "server_settings": {
                    "application_name": "seckill",
                    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
                },
            },
        )
        event.listen(engine.sync_engine, "checkout", _refuse_what_is_closed)
        return cls(engine)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end of the block, rolls back on any error in it."""
        async with self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Driver]:
        """A connection of the same pool without SQLAlchemy: each query is its own transaction
        unless the caller opens one."""
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                yield driver
            finally:
                # The pool knows nothing of transactions it has not begun.
                if driver.is_in_transaction():
                    driver.terminate()

    async def ping(self) -> None:
        """Raises when Postgres does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(select(1))

    async def takes_writes(self) -> bool:
        """False on a standby and where writing was forbidden. Raises when it does not answer."""
        on = func.current_setting("transaction_read_only")
        async with self._engine.connect() as connection:
            said: str = (await connection.execute(select(on))).scalar_one()
        return said == "off"

    async def aclose(self) -> None:
        await self._engine.dispose()


def _refuse_what_is_closed(_connection: object, record: Any, _proxy: object) -> None:
    """Makes the pool connect anew. asyncpg hears of a server's death at once, so there is no need
    to ask the server before each transaction, which cost two round trips."""
    if record.driver_connection.is_closed():
        raise DisconnectionError
