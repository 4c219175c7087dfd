"""The one way to Postgres: a pool, and transactions that end at the caller's edge."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from sqlalchemy import event, func, select
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.order import OrderChange
from infra.postgres.address import PostgresAddress
from infra.postgres.changes import noting

if TYPE_CHECKING:
    import asyncpg

    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Driver = Any

DRIVER = "postgresql+asyncpg://"
# A process that hangs inside a transaction must not keep a hot row locked for ever.
IDLE_IN_TRANSACTION = {"idle_in_transaction_session_timeout": "30000"}
# Nothing is prepared that outlives its transaction: the next one may have another connection. Both
# the driver and SQLAlchemy keep statements; those without a name are sent anew each time.
_NOTHING_PREPARED = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": str,
}


def connect_args(dsn: str, *, pooler: bool, **options: Any) -> dict[str, Any]:
    """What SQLAlchemy hands its dialect for each connection. Raises UnusableSetting."""
    address = PostgresAddress.parse(dsn)
    prepared = _NOTHING_PREPARED if pooler else {}
    return {"async_creator_fn": address.connect, **prepared, **options}


Announce: TypeAlias = Callable[[Collection[OrderChange]], None]


def _tell_nobody(_changes: Collection[OrderChange]) -> None:
    pass


class Database:
    """`announce` is called with the orders that were changed, after each commit; it must not wait
    for anybody."""

    def __init__(self, engine: AsyncEngine, announce: Announce = _tell_nobody) -> None:
        self._engine = engine
        self._announce = announce

    @classmethod
    def connect(
        cls,
        dsn: str,
        *,
        pool_size: int = 20,
        timeout_seconds: float = 4.0,
        pooler: bool = False,
        announce: Announce = _tell_nobody,
    ) -> Self:
        """Opens no connection yet. The timeout holds for connecting, for each query and for
        waiting on a full pool; a TimeoutError then leaves the outcome of the transaction open.
        `pooler`: there is one in between that gives each transaction any connection it has.
        Raises UnusableSetting."""
        engine = create_async_engine(
            DRIVER,
            # Guards that wait for another transaction must then see what it wrote.
            isolation_level="READ COMMITTED",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=timeout_seconds,
            connect_args=connect_args(
                dsn,
                pooler=pooler,
                timeout=timeout_seconds,
                command_timeout=timeout_seconds,
                # A pooler refuses settings that it cannot give back with the connection.
                server_settings=None if pooler else IDLE_IN_TRANSACTION,
            ),
        )
        event.listen(engine.sync_engine, "checkout", _refuse_what_is_closed)
        return cls(engine, announce)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end of the block, rolls back on any error in it."""
        with noting() as changes:
            async with self._engine.begin() as connection:
                yield connection
        if changes:
            self._announce(changes.values())

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Driver]:
        """A connection of the same pool without SQLAlchemy: each query is its own transaction
        unless the caller opens one."""
        with noting() as changes:
            async with self._engine.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                try:
                    yield driver
                finally:
                    # The pool knows nothing of transactions it has not begun.
                    if driver.is_in_transaction():
                        driver.terminate()
        if changes:
            self._announce(changes.values())

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
