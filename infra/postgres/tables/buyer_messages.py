"""The outbox of messages to buyers."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from infra.postgres.tables.schema import metadata, moment

# The outbox: messages to buyers where no webhook takes them. Read by `message_number`.
buyer_messages = Table(
    "messages",
    metadata,
    Column("message_number", BigInteger, Identity(), primary_key=True),
    Column("order_id", String(26)),
    Column("topic", String(30), nullable=False),
    Column("user_id", Text, nullable=False, index=True),
    Column("body", JSONB, nullable=False),
    moment("sent_at", default_now=True),
    # Of a place in a room, by its leaf: nothing of an order is known yet.
    Column("ticket", String(64)),
    UniqueConstraint("order_id", "topic"),
    UniqueConstraint("ticket", "topic"),
    CheckConstraint("num_nonnulls(order_id, ticket) = 1", name="about"),
)

# What was sent long ago: whoever reads the outbox has read it.
archived_buyer_messages = Table(
    "archived_messages",
    metadata,
    Column("message_number", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", String(26)),
    Column("topic", String(30), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    moment("sent_at"),
    moment("archived_at", default_now=True),
    Column("ticket", String(64)),
)
