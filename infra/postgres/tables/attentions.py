"""What needs a person."""

from sqlalchemy import BigInteger, Column, Identity, Index, String, Table, Text, text

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
)
Index(
    "uq_attentions_open",
    attentions.c.kind,
    attentions.c.subject,
    unique=True,
    postgresql_where=text("resolved_at IS NULL"),
)
