"""Through a pooler that gives each transaction whatever connection is free (PgBouncer)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.postgres.engine import Database
from infra.postgres.migrate import NotMigrated, migrate
from infra.postgres.points import Points
from tests.support.ledger import award, cancel, give_back, open_item, pay, place
from tests.support.pgbouncer import PGBOUNCER, SERVER_CONNECTIONS, pgbouncer
from tests.support.sound_sale import busy_sale, findings

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer on this machine")

CLIENTS = 8


@pytest.fixture
async def pooled_dsn(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[str]:
    async with pgbouncer(postgres_dsn, tmp_path) as dsn:
        yield dsn


@pytest.fixture
async def pooled(database: Database, pooled_dsn: str) -> AsyncIterator[Database]:
    """To a database that was emptied."""
    opened = Database.connect(pooled_dsn, pooler=True)
    yield opened
    await opened.aclose()


async def test_orders_of_many_clients_share_two_connections(pooled: Database) -> None:
    item = await open_item(pooled, stock=CLIENTS * 4)

    async def buy(user_id: str) -> None:
        await cancel(pooled, await place(pooled, item, user_id))
        order = await place(pooled, item, user_id)
        payment = await pay(pooled, order)
        await award(pooled, order, 5)
        async with pooled.transaction() as connection:
            await Points(connection).grant(user_id, 3, "gift", request_key=f"gift-{user_id}")
            assert await Points(connection).balance(user_id) == 8
        other = await place(pooled, item, user_id)
        await pay(pooled, other)
        async with pooled.transaction() as connection:
            await Points(connection).take_award_back(order.order_id, user_id, "refunded")
        await give_back(pooled, order, payment)

    await asyncio.gather(*(buy(f"user-{n}") for n in range(CLIENTS)))

    assert await findings(pooled) == {}
    async with pooled.transaction() as connection:
        query = text("SELECT count(*) FROM orders WHERE status = 'paid'")
        assert (await connection.execute(query)).scalar_one() == CLIENTS


async def test_a_sale_with_every_end_is_sound(pooled: Database) -> None:
    await busy_sale(pooled)

    assert await findings(pooled) == {}


async def test_clients_really_share(pooled: Database) -> None:
    """Else the tests above would prove nothing."""

    async def server() -> int:
        async with pooled.transaction() as connection:
            query = text("SELECT pg_backend_pid() FROM pg_sleep(0.02)")
            pid: int = (await connection.execute(query)).scalar_one()
        return pid

    assert len(set(await asyncio.gather(*(server() for _ in range(20))))) <= SERVER_CONNECTIONS


async def test_without_the_setting_the_startup_is_refused(pooled_dsn: str) -> None:
    unaware = Database.connect(pooled_dsn)
    with pytest.raises(Exception, match="unsupported startup parameter"):
        await unaware.ping()
    await unaware.aclose()


async def test_with_the_startup_let_through_statements_are_missed(
    postgres_dsn: str, tmp_path: Path
) -> None:
    let_through = "ignore_startup_parameters = idle_in_transaction_session_timeout"
    async with pgbouncer(postgres_dsn, tmp_path, let_through) as dsn:
        unaware, other = (Database.connect(dsn, pool_size=1) for _ in range(2))
        for _ in range(2):
            await unaware.ping()
        async with other.transaction() as connection:
            # The one connection that knows the statement is taken meanwhile.
            await connection.execute(text("SELECT 2"))
            with pytest.raises(Exception, match="prepared statement"):
                await unaware.ping()
        await asyncio.gather(unaware.aclose(), other.aclose())


async def test_a_schema_is_brought_up_to_date_through_it(pooled_dsn: str) -> None:
    await migrate(pooled_dsn, pooler=True)


async def test_it_makes_no_database(pooled_dsn: str) -> None:
    with pytest.raises(NotMigrated, match="nobody_made_it"):
        await migrate(pooled_dsn.replace("/seckill", "/nobody_made_it"), pooler=True)
