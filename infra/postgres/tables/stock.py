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

from domain.stock import MOVES_OF_AN_ORDER, SUPPLY, MovementKind
from infra.postgres.tables.schema import metadata, moment, one_of

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
    CheckConstraint(
        f"quantity > 0 OR kind = '{MovementKind.OPENING}'"
        # A person may also take units back.
        f" OR kind = '{MovementKind.ADDED}' AND quantity <> 0",
        name="quantity",
    ),
    CheckConstraint(
        f"{one_of('kind', SUPPLY)} AND order_id IS NULL"
        f" OR {one_of('kind', MOVES_OF_AN_ORDER)} AND order_id IS NOT NULL",
        name="kind",
    ),
    Index(None, "sale_id", "sku_id"),
)
# What was held is either released or sold, whatever the callers do.
Index(
    "uq_stock_movements_way_out",
    stock_movements.c.order_id,
    unique=True,
    postgresql_where=text(one_of("kind", (MovementKind.RELEASE, MovementKind.SELL))),
)
# An audit asks what has changed since the last one; rows come in the order of their time.
Index(None, stock_movements.c.at, postgresql_using="brin")
