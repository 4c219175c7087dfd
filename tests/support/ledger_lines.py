"""All that the ledger says of orders, to be compared with another ledger of the same story."""

from sqlalchemy import text

from infra.postgres.engine import Database

# What is numbered or timed by the database itself differs between any two stories.
_LINES = {
    "orders": "SELECT order_id, user_id, quantity, amount, currency, status, reason,"
    " closed_at IS NULL AS is_open FROM orders",
    "payments": "SELECT payment_id, order_id, method, status, amount, trade_no, paid_at"
    " FROM payments",
    "flows": "SELECT order_id, payment_id, method, kind, reference, amount FROM payment_flows",
    "movements": "SELECT sale_id, sku_id, order_id, kind, quantity FROM stock_movements",
    "deliveries": "SELECT order_id, kind, status FROM deliveries",
    "items": "SELECT sale_id, sku_id, available, held, sold FROM sale_items",
    "events": "SELECT order_id, event, actor, CASE WHEN event <> 'placed' THEN detail END"
    " FROM order_events",
}


async def ledger_lines(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each table, in no order of their own."""
    lines = {}
    async with database.transaction() as connection:
        for name, query in _LINES.items():
            rows = [tuple(row) for row in await connection.execute(text(query))]
            lines[name] = sorted(rows, key=repr)
    return lines
