"""What providers sent us, as received."""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from infra.postgres.tables.schema import metadata, moment

payment_notices = Table(
    "payment_notices",
    metadata,
    Column("notice_id", String(64), primary_key=True),
    Column("notice_number", BigInteger, Identity(), nullable=False, unique=True),
    Column("method", String(20), nullable=False),
    Column("provider_notice_id", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("payment_id", Text, index=True),
    Column("order_id", Text, index=True),
    Column("receipt", JSONB(none_as_null=True)),
    Column("refund", JSONB(none_as_null=True)),
    Column("body", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    moment("received_at", default_now=True),
    moment("handled_at", nullable=True),
    Column("handled_as", Text),
    # Temporal has taken it; who acted on it is another question.
    moment("told_at", nullable=True),
    # `tries` are counted from when it came, and anew from when a workflow was told of it first.
    Column("tries", Integer, nullable=False, server_default="0"),
    moment("tried_at", nullable=True),
    moment("due_at", default_now=True),
    # To workflows, over its whole life; `tries` begins anew.
    Column("signals", Integer, nullable=False, server_default="0"),
)
Index(
    "ix_payment_notices_unhandled",
    payment_notices.c.due_at,
    postgresql_where=text("handled_at IS NULL AND verdict IN ('accepted', 'wrong_amount')"),
)
# In an outage thousands wait to be told once more, and of each it is asked how often it was.
Index(
    "ix_payment_notices_told",
    payment_notices.c.order_id,
    postgresql_where=text("signals > 0"),
)
Index(
    "ix_payment_notices_refused",
    payment_notices.c.received_at,
    postgresql_where=text(
        "verdict IN ('malformed', 'bad_signature', 'stale', 'foreign_app', 'foreign_seller')"
    ),
)
