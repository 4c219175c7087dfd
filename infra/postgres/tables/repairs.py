"""What was put right by itself: one row for each repair, written before it is done."""

from sqlalchemy import BigInteger, Column, Identity, Index, String, Table, Text

from infra.postgres.tables.schema import metadata, moment

repairs = Table(
    "repairs",
    metadata,
    Column("repair_id", BigInteger, Identity(), primary_key=True),
    moment("at", default_now=True),
    Column("kind", String(20), nullable=False),
    Column("sale_id", String(64), nullable=False),
    Column("sku_id", String(64), nullable=False),
    Column("order_id", String(26), index=True),
    Column("found", Text, nullable=False),
    Column("should", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("outcome", String(20)),
    Index(None, "sale_id", "repair_id"),
)
