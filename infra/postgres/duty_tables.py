"""Tables of what is owed to buyers, what needs a person, and what was audited."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from infra.postgres.schema import metadata, moment

deliveries = Table(
    "deliveries",
    metadata,
    Column("order_id", ForeignKey("orders.order_id"), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("detail", Text, nullable=False, server_default=""),
    moment("created_at", default_now=True),
    moment("done_at", nullable=True),
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
    Column("order_id", ForeignKey("orders.order_id"), primary_key=True),
    Column("user_id", Text, nullable=False, index=True),
    Column("sale_id", String(64), nullable=False),
    Column("sku_id", String(64), nullable=False),
    Column("quantity", Integer, nullable=False),
    moment("granted_at", default_now=True),
    moment("revoked_at", nullable=True),
    CheckConstraint("quantity > 0", name="quantity"),
)

# The outbox: messages to buyers where no webhook takes them. Read by `message_number`.
messages = Table(
    "messages",
    metadata,
    Column("message_number", BigInteger, Identity(), primary_key=True),
    Column("order_id", String(26), nullable=False),
    Column("topic", String(30), nullable=False),
    Column("user_id", Text, nullable=False, index=True),
    Column("body", JSONB, nullable=False),
    moment("sent_at", default_now=True),
    UniqueConstraint("order_id", "topic"),
)

attentions = Table(
    "attentions",
    metadata,
    Column("attention_id", BigInteger, Identity(), primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("subject", Text, nullable=False),
    Column("order_id", String(26)),
    Column("what", Text, nullable=False),
    Column("advice", Text, nullable=False),
    moment("raised_at", default_now=True),
    moment("resolved_at", nullable=True),
    Column("resolved_by", Text),
    Column("resolution", Text, nullable=False, server_default=""),
)
Index(
    "uq_attentions_open",
    attentions.c.kind,
    attentions.c.subject,
    unique=True,
    postgresql_where=text("resolved_at IS NULL"),
)

audits = Table(
    "audits",
    metadata,
    Column("audit_id", String(64), primary_key=True),
    Column("audit_number", BigInteger, Identity(), nullable=False, unique=True),
    moment("started_at"),
    moment("finished_at"),
    Column("ok", Boolean, nullable=False),
    Column("checks", JSONB, nullable=False),
)
