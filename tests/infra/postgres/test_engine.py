import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from tests.support.values import a_new_item, a_new_sale


async def test_a_transaction_commits_at_its_end(database: Database) -> None:
    async with database.transaction() as connection:
        await Sales(connection).create("noon", a_new_sale(a_new_item()))
    async with database.transaction() as connection:
        assert await Sales(connection).get("noon") is not None


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as connection:
            await Sales(connection).create("noon", a_new_sale(a_new_item()))
            raise RuntimeError("lost power")
    async with database.transaction() as connection:
        assert await Sales(connection).get("noon") is None


async def test_a_statement_that_hangs_is_cut_off_and_the_pool_goes_on(postgres_dsn: str) -> None:
    impatient = Database.connect(postgres_dsn, pool_size=1, timeout_seconds=0.3)
    with pytest.raises((TimeoutError, DBAPIError)):
        async with impatient.transaction() as connection:
            await connection.execute(select(func.pg_sleep(60)))
    await impatient.ping()
    await impatient.aclose()


async def test_waiting_for_a_full_pool_ends(postgres_dsn: str) -> None:
    narrow = Database.connect(postgres_dsn, pool_size=1, timeout_seconds=0.3)
    async with narrow.transaction():
        with pytest.raises(Exception, match="limit of size 1"):
            await narrow.ping()
    await narrow.aclose()


async def test_a_pooled_connection_the_server_cut_is_replaced(
    database: Database, postgres_dsn: str
) -> None:
    async with database.transaction() as connection:
        pid = (await connection.execute(select(func.pg_backend_pid()))).scalar_one()
    operator = Database.connect(postgres_dsn, pool_size=1)
    async with operator.transaction() as connection:
        await connection.execute(select(func.pg_terminate_backend(pid, 5000)))
    await operator.aclose()
    await database.ping()


async def test_ping_raises_when_nobody_answers() -> None:
    nowhere = Database.connect("postgresql://postgres@127.0.0.1:1/seckill", timeout_seconds=0.5)
    with pytest.raises(OSError):
        await nowhere.ping()
    await nowhere.aclose()
