"""A shop after many sales, to measure an audit by: `python -m tests.support.many_orders 1000000`,
with `whole` behind it for the other form, or `archive` to move all that is over to the archive.

The orders of all sales but the last are fulfilled and long over, and their items out of Redis; the
last one is on, and a tenth of its orders wait to be paid.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from temporalio.testing import ActivityEnvironment

from activities.archive import ArchiveActivities, ArchiveOld
from audit.run import run_audit, since_last_sound
from audit.sources import AuditSources
from domain.ids import new_order_id, workflow_id
from domain.reservation import Reservation, ReservationState
from infra.postgres.engine import Database
from infra.postgres.migrate import migrate
from infra.postgres.sales import Sales
from infra.redis.intents import Intents
from infra.redis.stock_gate import StockGate
from practice.stack.ports import free_port
from practice.stack.postgres import PostgresServer
from practice.stack.redis import RedisServer
from tests.support.servers import running
from tests.support.workflows_double import WorkflowsDouble

PER_SALE = 5000
LAST_SALE = 20_000
PRICE = 8800
POSTGRES_SECONDS = 30.0
ORDER_COLUMNS = (
    *("order_id", "sale_id", "sku_id", "user_id", "quantity", "amount", "currency", "status"),
    *("created_at", "pay_deadline", "closed_at"),
)

_FOLLOW = """
INSERT INTO sales SELECT sale_id, sale_id, 'published', min(created_at) - interval '1 minute',
 max(created_at) + interval '20 minutes', 1800, false, 'refund', min(created_at)
 FROM orders GROUP BY sale_id;
INSERT INTO sale_items (sale_id, sku_id, item_number, title, list_price, price, points_price,
 currency, per_user_limit, total, available, held, sold) OVERRIDING SYSTEM VALUE
 SELECT sale_id, 'mug', right(sale_id, 5)::int, 'A mug', 8800, 8800, 880, 'CNY', 4,
 count(*), 0, count(*) FILTER (WHERE status = 'pending_payment'),
 count(*) FILTER (WHERE status = 'fulfilled') FROM orders GROUP BY sale_id;
UPDATE sale_items SET retired_at = now() - interval '2 hours' WHERE held = 0;
INSERT INTO stock_movements (sale_id, sku_id, kind, quantity, at)
 SELECT sale_id, sku_id, 'opening', total, '2020-01-01' FROM sale_items;
INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity, at)
 SELECT sale_id, sku_id, order_id, kind, 1, created_at
 FROM orders CROSS JOIN (VALUES ('hold'), ('sell')) AS kinds (kind)
 WHERE kind = 'hold' OR status = 'fulfilled' ORDER BY orders.order_id;
INSERT INTO order_events (order_id, at, event, actor)
 SELECT order_id, created_at, event, 'system'
 FROM orders CROSS JOIN (VALUES ('placed'), ('fulfilled')) AS events (event)
 WHERE event = 'placed' OR status = 'fulfilled' ORDER BY orders.order_id;
INSERT INTO payments (payment_id, order_id, method, scene, status, amount, currency, trade_no,
 expires_at, paid_at) SELECT order_id || 'A1', order_id, 'alipay', 'qr', 'paid', 8800, 'CNY',
 'T' || order_id, created_at, created_at FROM orders WHERE status = 'fulfilled';
INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount, at)
 SELECT order_id, order_id || 'A1', 'alipay', 'received', 'T' || order_id, 8800, created_at
 FROM orders WHERE status = 'fulfilled' ORDER BY orders.order_id;
INSERT INTO points_accounts SELECT user_id, 88 * count(*) FROM orders
 WHERE status = 'fulfilled' GROUP BY user_id;
INSERT INTO points_entries (user_id, order_id, kind, amount, balance_after, at)
 SELECT user_id, order_id, 'award', 88, 88, created_at FROM orders
 WHERE status = 'fulfilled' ORDER BY orders.order_id;
INSERT INTO audits (audit_id, started_at, finished_at, ok, checks)
 VALUES ('an hour ago', now() - interval '1 hour', now(), true, '[]');
ANALYZE;
"""


async def fill(dsn: str, redis_url: str, count: int) -> None:
    """Takes minutes for a million."""
    connection = await asyncpg.connect(dsn)
    # Nothing is checked, and nothing done because of a row: they fit as they are written.
    await connection.execute("SET session_replication_role = replica")
    now = datetime.now(UTC)
    old = count - LAST_SALE
    for start in range(0, old, PER_SALE):
        number = start // PER_SALE + 1
        ended = now - timedelta(days=2 + (old // PER_SALE) - number)
        rows = [_row(number, ended, "fulfilled", start + n) for n in range(PER_SALE)]
        await connection.copy_records_to_table("orders", records=rows, columns=ORDER_COLUMNS)
    number = old // PER_SALE + 1
    just_now = now - timedelta(minutes=10)
    statuses = ["pending_payment" if n % 10 == 0 else "fulfilled" for n in range(LAST_SALE)]
    rows = [_row(number, just_now, status, old + n) for n, status in enumerate(statuses)]
    await connection.copy_records_to_table("orders", records=rows, columns=ORDER_COLUMNS)
    for statement in _FOLLOW.split(";\n")[:-1]:
        await connection.execute(statement, timeout=None)
    await connection.close()
    await _write_last_item(dsn, redis_url, rows)


def _row(number: int, at: datetime, status: str, user: int) -> tuple[object, ...]:
    order_id = new_order_id(number, int(at.timestamp() * 1000))
    deadline = at + timedelta(minutes=30)
    what = (f"sale-{number:05}", "mug", f"user-{user % 200_000}", 1, PRICE, "CNY")
    return (order_id, *what, status, at, deadline, at if status == "fulfilled" else None)


async def _write_last_item(dsn: str, redis_url: str, rows: list[tuple[object, ...]]) -> None:
    database = Database.connect(dsn)
    redis = Redis.from_url(redis_url, decode_responses=True)
    async with database.transaction() as connection:
        sale = await Sales(connection).get(str(rows[0][1]))
    assert sale is not None
    states = {"pending_payment": ReservationState.HELD, "fulfilled": ReservationState.SOLD}
    kept = [
        Reservation(
            order_id=str(row[0]),
            user_id=str(row[3]),
            quantity=1,
            state=states[str(row[7])],
            reserved_at_ms=1,
        )
        for row in rows
    ]
    await StockGate(redis).rebuild(sale.terms_of(sale.items[0]), 0, kept)
    await redis.aclose()
    await database.aclose()


async def measure(dsn: str, redis_url: str, *, whole: bool) -> None:
    database = Database.connect(dsn, timeout_seconds=POSTGRES_SECONDS)
    redis = Redis.from_url(redis_url, decode_responses=True)
    async with database.driver() as driver:
        waiting = await driver.fetch("SELECT order_id FROM orders WHERE status <> 'fulfilled'")
    workflows = WorkflowsDouble(running={workflow_id(row["order_id"]) for row in waiting})
    gate, grace = StockGate(redis), timedelta(seconds=0.1)
    sources = AuditSources(database, gate, Intents(redis), workflows, None, grace)
    began = time.monotonic()
    looked_at = sources if whole else await since_last_sound(sources)
    report = await run_audit(looked_at)
    took = time.monotonic() - began
    for check in report.checks:
        print(check.code, "ok" if check.ok else "BROKEN", check.detail[:150])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{'whole' if whole else 'windowed'}: {took:.1f} s, {most} MB at most")
    await redis.aclose()
    await database.aclose()


async def archive(dsn: str) -> None:
    database = Database.connect(dsn)
    now = datetime.now(UTC)
    activities = ArchiveActivities(database)
    began = time.monotonic()
    command = ArchiveOld(older_than=now, ledgers_older_than=now)
    archived = await ActivityEnvironment().run(activities.archive_old, command)
    print(f"archived: {time.monotonic() - began:.0f} s, {archived}")
    await database.aclose()


async def main(count: int, forms: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres = PostgresServer(folder / "postgres", free_port(), durable=False)
        cache = RedisServer(folder / "redis", free_port(), durable=False)
        async with running(postgres, folder) as dsn, running(cache, folder) as redis_url:
            await migrate(dsn)
            began = time.monotonic()
            await fill(dsn, redis_url, count)
            print(f"{count} orders made in {time.monotonic() - began:.0f} s", flush=True)
            for form in forms:
                # By itself, so that its memory is the audit's alone.
                command = (sys.executable, "-m", "tests.support.many_orders")
                subprocess.run([*command, form, dsn, redis_url], check=True)  # noqa: ASYNC221


if __name__ == "__main__":
    if sys.argv[1] == "archive":
        asyncio.run(archive(sys.argv[2]))
    elif sys.argv[1] in ("windowed", "whole"):
        asyncio.run(measure(sys.argv[2], sys.argv[3], whole=sys.argv[1] == "whole"))
    else:
        asyncio.run(main(int(sys.argv[1]), sys.argv[2:] or ["windowed"]))
