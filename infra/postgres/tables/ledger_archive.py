"""The ledger of sales that were over long ago: each table beside the one that is in use, with the
same columns."""

from sqlalchemy import Column, Table

from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.bills import bill_lines
from infra.postgres.tables.notices import payment_notices
from infra.postgres.tables.orders import orders
from infra.postgres.tables.payments import payment_flows, payments
from infra.postgres.tables.points import points_entries
from infra.postgres.tables.refunds import refunds
from infra.postgres.tables.schema import metadata, moment
from infra.postgres.tables.stock import stock_movements


def _archived(table: Table, *, found_by: str | None = None) -> Table:
    """Nothing is checked any more and little is looked up: `found_by` is its one index."""
    columns = (
        Column(
            column.name,
            column.type,
            primary_key=column.primary_key,
            nullable=column.nullable,
            autoincrement=False,
            index=column.name == found_by,
        )
        for column in table.c
    )
    return Table(
        f"archived_{table.name}", metadata, *columns, moment("archived_at", default_now=True)
    )


# A sale's report adds up its orders wherever they are.
archived_orders = _archived(orders, found_by="sale_id")
archived_payments = _archived(payments, found_by="order_id")
archived_payment_flows = _archived(payment_flows, found_by="payment_id")
archived_refunds = _archived(refunds, found_by="order_id")
archived_stock_movements = _archived(stock_movements)
archived_points_entries = _archived(points_entries)
archived_payment_notices = _archived(payment_notices)
# Found again, so that what a person has closed is not raised once more.
archived_attentions = _archived(attentions, found_by="subject")
archived_bill_lines = _archived(bill_lines)
