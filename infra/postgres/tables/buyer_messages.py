"""The outbox of messages to buyers."""

from sqlalchemy import BigInteger, Column, Identity, String, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from infra.postgres.tables.schema import metadata, moment

# The outbox: messages to buyers where no webhook takes them. Read by `message_number`.
buyer_messages = Table(
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

# What was sent long ago: whoever reads the outbox has read it.
archived_buyer_messages = Table(
    "archived_messages",
    metadata,
    Column("message_number", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", String(26), nullable=False),
    Column("topic", String(30), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    moment("sent_at"),
    moment("archived_at", default_now=True),
)
