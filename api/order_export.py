"""All orders that fit, as comma-separated values, page by page."""

from collections.abc import AsyncIterator, Sequence

from api.csv_text import Cell, csv_text
from infra.postgres.engine import Database
from infra.postgres.order_lines import OrderLine, OrderLines
from infra.postgres.orders import OrderFilter

AT_ONCE = 200
COLUMNS = (
    *("order_id", "status", "reason", "sale_id", "sku_id", "user_id", "quantity", "amount"),
    *("currency", "created_at", "pay_deadline", "closed_at"),
    *("method", "payment_id", "trade_no", "paid_at", "received", "refunded"),
)


async def export_orders(database: Database, wanted: OrderFilter) -> AsyncIterator[str]:
    """Its first text is there, or has failed, when this returns: what fails later can only break
    the answer off."""
    # A page has its own transaction, and no connection waits for a slow reader between two.
    lines, following = await _page(database, wanted, None)
    return _texts(database, wanted, lines, following)


async def _texts(
    database: Database, wanted: OrderFilter, lines: list[OrderLine], following: str | None
) -> AsyncIterator[str]:
    yield csv_text([COLUMNS, *map(_cells, lines)])
    while following is not None:
        lines, following = await _page(database, wanted, following)
        yield csv_text(map(_cells, lines))


async def _page(
    database: Database, wanted: OrderFilter, cursor: str | None
) -> tuple[list[OrderLine], str | None]:
    async with database.transaction() as connection:
        return await OrderLines(connection).page(wanted, cursor, AT_ONCE)


def _cells(line: OrderLine) -> Sequence[Cell]:
    order, paid = line.order, line.paid_by
    return (
        *(order.order_id, order.status, order.reason, order.sale_id, order.sku_id, order.user_id),
        *(order.quantity, order.amount, order.currency),
        *(order.created_at, order.pay_deadline, order.closed_at),
        *((paid.method, paid.payment_id, paid.trade_no, paid.paid_at) if paid else (None,) * 4),
        *(line.received, line.refunded),
    )
