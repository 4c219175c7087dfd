"""Movements of stock: what an order holds, sells or gives back leaves one row of each kind."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from infra.postgres.tables.schema import metadata, moment

stock_movements = Table(
    "stock_movements",
    metadata,
    Column("movement_id", BigInteger, Identity(), primary_key=True),
    Column("sale_id", String(64), nullable=False),
    Column("sku_id", String(64), nullable=False),
    Column("order_id", String(26)),
    Column("kind", String(20), nullable=False),
    Column("quantity", Integer, nullable=False),
    moment("at", default_now=True),
    Column("request_key", Text, unique=True),
    UniqueConstraint("order_id", "kind"),
    CheckConstraint("quantity > 0 OR kind = 'opening'", name="quantity"),
    CheckConstraint(
        "kind IN ('opening', 'restock') AND order_id IS NULL"
        " OR kind IN ('hold', 'release', 'sell', 'sell_again', 'take_back')"
        " AND order_id IS NOT NULL",
        name="kind",
    ),
    Index(None, "sale_id", "sku_id"),
)
# What was held is either released or sold, whatever the callers do.
Index(
    "uq_stock_movements_way_out",
    stock_movements.c.order_id,
    unique=True,
    postgresql_where=text("kind IN ('release', 'sell')"),
)
