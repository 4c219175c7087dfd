"""What is owed to buyers, and the rights they got."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, String, Table, Text

from infra.postgres.tables.orders import orders
from infra.postgres.tables.schema import metadata, moment

deliveries = Table(
    "deliveries",
    metadata,
    Column("order_id", ForeignKey(orders.c.order_id), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("detail", Text, nullable=False, server_default=""),
    moment("created_at", default_now=True),
    moment("done_at", nullable=True),
    moment("tried_at", nullable=True),
)

# Deliveries of orders that ended long ago: kept for questions, out of the way of the daily work.
archived_deliveries = Table(
    "archived_deliveries",
    metadata,
    Column("order_id", String(26), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    moment("created_at"),
    moment("done_at", nullable=True),
    moment("archived_at", default_now=True),
)

# The buyer's right to what was bought; a refund revokes it.
entitlements = Table(
    "entitlements",
    metadata,
    # No foreign key: the right outlasts the order, which goes to the archive.
    Column("order_id", String(26), primary_key=True),
    Column("user_id", Text, nullable=False, index=True),
    Column("sale_id", String(64), nullable=False),
    Column("sku_id", String(64), nullable=False),
    Column("quantity", Integer, nullable=False),
    moment("granted_at", default_now=True),
    moment("revoked_at", nullable=True),
    CheckConstraint("quantity > 0", name="quantity"),
)
