"""The ceiling of placing and of settling, on a Postgres."""

import asyncpg
import pytest

from bench.plain_ledger import BATCH, PlainLedger


@pytest.mark.servers
async def test_each_row_is_written_and_counted_once(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        ledger = PlainLedger(connection)
        for _ in range(2):
            await ledger.open_()
        before = await ledger.written()
        await ledger.write(2)
        assert await ledger.written() - before == 2 * BATCH
        rows = await connection.fetchval("SELECT count(*) FROM bench_orders")
        assert rows == await ledger.written()
    finally:
        await connection.execute("DROP TABLE bench_orders, bench_items")
        await connection.close()
