"""Payments, and the ledger of the money that came and went."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.payment import FlowKind
from infra.postgres.tables.orders import orders
from infra.postgres.tables.schema import metadata, moment, one_of

payments = Table(
    "payments",
    metadata,
    Column("payment_id", String(32), primary_key=True),
    Column("order_id", ForeignKey(orders.c.order_id), nullable=False, index=True),
    Column("method", String(20), nullable=False),
    Column("scene", String(10), nullable=False),
    Column("status", String(20), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("trade_no", Text, index=True),
    Column("action", JSONB(none_as_null=True)),
    moment("expires_at"),
    moment("created_at", default_now=True),
    moment("paid_at", nullable=True),
    # When a round is to ask its provider next, or to close it there once more; never of a payment
    # that a workflow watches.
    moment("ask_at", nullable=True),
    CheckConstraint("amount > 0", name="amount"),
)
Index(
    "ix_payments_unanswered",
    payments.c.ask_at,
    postgresql_where=text("status IN ('created', 'closed') AND ask_at IS NOT NULL"),
)

# `reference`: the provider's trade number for money received, our refund id for money returned.
payment_flows = Table(
    "payment_flows",
    metadata,
    Column("flow_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", String(26), nullable=False, index=True),
    Column("payment_id", String(32), nullable=False),
    Column("method", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("reference", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    moment("at", default_now=True),
    UniqueConstraint("method", "kind", "reference"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint(one_of("kind", FlowKind), name="kind"),
    Index(None, "method", "at"),
)
# An audit asks what has changed since the last one; rows come in the order of their time.
Index(None, payment_flows.c.at, postgresql_using="brin")
