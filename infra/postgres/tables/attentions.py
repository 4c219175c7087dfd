"""What needs a person."""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from infra.postgres.tables.schema import metadata, moment

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
    # Which step waits, and how often it was tried; of what is no step, nothing and 0.
    Column("step", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    # How often operators were sent it, when last, and until when somebody is just sending it.
    Column("told", SmallInteger, nullable=False, server_default="0"),
    moment("told_at", nullable=True),
    moment("telling_until", nullable=True),
)
Index(
    "uq_attentions_open",
    attentions.c.kind,
    attentions.c.subject,
    unique=True,
    postgresql_where=text("resolved_at IS NULL"),
)
Index(
    "ix_attentions_untold",
    attentions.c.attention_id,
    postgresql_where=text("resolved_at IS NULL AND told < 2"),
)
