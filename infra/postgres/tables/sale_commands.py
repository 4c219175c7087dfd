"""What operators told a sale to do, each with what it was answered."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from infra.postgres.tables.sales import sales
from infra.postgres.tables.schema import metadata, moment

sale_commands = Table(
    "sale_commands",
    metadata,
    Column("command_number", BigInteger, Identity(), primary_key=True),
    Column("sale_id", ForeignKey(sales.c.sale_id), nullable=False),
    Column("actor", Text, nullable=False),
    # Without one, a command said again is another command.
    Column("key", Text),
    Column("kind", String(20), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("digest", Text, nullable=False),
    # The sale's, once the command was carried out.
    Column("version", Integer, nullable=False),
    Column("answer", JSONB(none_as_null=True)),
    moment("at", default_now=True),
    UniqueConstraint("sale_id", "actor", "key"),
)
