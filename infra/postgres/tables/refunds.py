"""Refunds: money on its way back."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from infra.postgres.tables.schema import metadata, moment

refunds = Table(
    "refunds",
    metadata,
    Column("refund_id", String(64), primary_key=True),
    Column("refund_number", BigInteger, Identity(), nullable=False, unique=True),
    Column("order_id", String(26), nullable=False, index=True),
    Column("payment_id", String(32), nullable=False, index=True),
    Column("method", String(20), nullable=False),
    Column("trade_no", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("requested_by", Text, nullable=False),
    moment("requested_at", default_now=True),
    moment("asked_at", nullable=True),
    moment("done_at", nullable=True),
    Column("request_key", Text),
    # NULL: a release that did not say so asked for it.
    Column("by_hand", Boolean),
    CheckConstraint("amount > 0", name="amount"),
    UniqueConstraint("order_id", "request_key"),
)
