"""A database that refuses to commit what an order's view shows while the order's version stays.

Whoever adds a writer and forgets the version is told so by the writer's own tests.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

# What of each table the view shows; `order_events` are only ever added.
_SHOWN = {
    "orders": ("status", "reason", "pay_deadline"),
    "payments": ("status", "trade_no", "amount", "paid_at"),
    "refunds": ("status", "amount"),
    "deliveries": ("status", "attempts"),
    "order_events": ("detail",),
}
_FUNCTIONS = """
CREATE UNLOGGED TABLE watched_versions (order_id text, xid xid8);
CREATE FUNCTION watch_growth() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watched_versions VALUES (NEW.order_id, pg_current_xact_id());
    RETURN NULL;
END $$;
CREATE FUNCTION watch_view() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- What a test damages by hand is told to nobody.
    IF current_setting('watch.off', true) = 'on' THEN RETURN NULL; END IF;
    PERFORM FROM watched_versions WHERE order_id = NEW.order_id AND xid = pg_current_xact_id();
    IF NOT FOUND AND EXISTS (SELECT FROM orders WHERE order_id = NEW.order_id) THEN
        RAISE EXCEPTION 'the view of % changes in %, and its version does not',
            NEW.order_id, TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch_placed AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION watch_growth();
CREATE TRIGGER watch_grown AFTER UPDATE ON orders FOR EACH ROW
    WHEN (OLD.version < NEW.version) EXECUTE FUNCTION watch_growth();
"""
WATCH_OFF = "SET LOCAL watch.off = 'on'"


def _triggers(table: str, columns: tuple[str, ...]) -> str:
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in columns)
    checked = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    return f"""
CREATE CONSTRAINT TRIGGER watch_added AFTER INSERT ON {table} {checked}
    EXECUTE FUNCTION watch_view();
CREATE CONSTRAINT TRIGGER watch_changed AFTER UPDATE ON {table} {checked}
    WHEN ({changed}) EXECUTE FUNCTION watch_view();
"""


@asynccontextmanager
async def watching_versions(dsn: str) -> AsyncIterator[None]:
    """In the block."""
    connection = await asyncpg.connect(dsn, timeout=5.0)
    try:
        await connection.execute(
            _FUNCTIONS + "".join(_triggers(table, shown) for table, shown in _SHOWN.items())
        )
        yield
    finally:
        await connection.execute(
            "DROP FUNCTION watch_growth, watch_view CASCADE; DROP TABLE watched_versions"
        )
        await connection.close()
