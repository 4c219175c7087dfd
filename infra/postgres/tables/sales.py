"""Sales, and their items with what is left of each.

Postgres is the truth for what was sold; the checks here are its last line of defence.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    String,
    Table,
    Text,
)

from domain.ids import MAX_ITEM_NUMBER
from domain.states import ENDED_EARLY, SaleStatus
from infra.postgres.tables.schema import metadata, moment, one_of

# In one order, for the schema is compared as text.
_ENDED_EARLY = [status for status in SaleStatus if status in ENDED_EARLY]

sales = Table(
    "sales",
    metadata,
    Column("sale_id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", String(20), nullable=False),
    moment("starts_at"),
    moment("ends_at"),
    Column("pay_window_seconds", Integer, nullable=False),
    Column("requires_entry_token", Boolean, nullable=False),
    Column("late_payment", String(20), nullable=False),
    Column("admission", String(20), nullable=False, server_default="open"),
    moment("room_opens_at", nullable=True),
    Column("pace_per_minute", Integer),
    Column("pass_window_seconds", Integer, nullable=False, server_default="180"),
    Column("requires_claim", String(64)),
    moment("created_at", default_now=True),
    Column("request_key", Text, unique=True),
    Column("request_digest", Text),
    Column("version", Integer, nullable=False, server_default="1"),
    # One that is closed before its start ends before it.
    CheckConstraint(f"ends_at > starts_at OR {one_of('status', _ENDED_EARLY)}", name="window"),
    CheckConstraint("pay_window_seconds > 0", name="pay_window"),
)

sale_items = Table(
    "sale_items",
    metadata,
    Column("sale_id", ForeignKey(sales.c.sale_id), primary_key=True),
    Column("sku_id", String(64), primary_key=True),
    Column("item_number", Integer, Identity(), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("list_price", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("points_price", BigInteger),
    Column("currency", String(3), nullable=False),
    Column("per_user_limit", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("available", Integer, nullable=False),
    Column("held", Integer, nullable=False, server_default="0"),
    Column("sold", Integer, nullable=False, server_default="0"),
    moment("retired_at", nullable=True),
    # Of those sold: their orders and movements are in the archive.
    Column("archived", Integer, nullable=False, server_default="0"),
    CheckConstraint("total = available + held + sold", name="total"),
    CheckConstraint("available >= 0 AND held >= 0 AND sold >= 0", name="never_negative"),
    CheckConstraint("archived BETWEEN 0 AND sold", name="archived"),
    CheckConstraint("per_user_limit > 0", name="per_user_limit"),
    CheckConstraint("price > 0", name="price"),
    CheckConstraint(f"item_number BETWEEN 1 AND {MAX_ITEM_NUMBER}", name="item_number"),
)
