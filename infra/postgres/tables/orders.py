"""Orders, and what happened to each."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from infra.postgres.tables.schema import metadata, moment

orders = Table(
    "orders",
    metadata,
    Column("order_id", String(26), primary_key=True),
    Column("sale_id", String(64), nullable=False),
    Column("sku_id", String(64), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text),
    moment("created_at", default_now=True),
    moment("pay_deadline", nullable=True),
    moment("closed_at", nullable=True),
    # `ahead`: its workflow asks here which payments are open, so one may be begun without it.
    # `closing_at`: no payment is begun from then on; those that are open may still be paid.
    Column("ahead", Boolean, nullable=False, server_default="false"),
    moment("closing_at", nullable=True),
    # Grows in the same transaction as whatever the order's view shows.
    Column("version", Integer, nullable=False, server_default="1"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("amount >= 0", name="amount"),
    Index(None, "user_id", "order_id"),
    Index(None, "sale_id", "sku_id", "user_id"),
    Index(None, "status", "order_id"),
)

order_events = Table(
    "order_events",
    metadata,
    Column("event_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", String(26), nullable=False, index=True),
    moment("at", default_now=True),
    Column("event", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)
# What happened to orders that ended long ago: kept for questions, out of the way of the daily work.
archived_order_events = Table(
    "archived_order_events",
    metadata,
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", String(26), nullable=False, index=True),
    moment("at"),
    Column("event", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", Text, nullable=False),
    moment("archived_at", default_now=True),
)
# An audit asks what has changed since the last one; rows come in the order of their time.
Index(None, order_events.c.at, postgresql_using="brin")
