"""The tables. Postgres is the truth for what was sold; the checks here are its last line.

Text from outside has no length here: a row that does not fit would be retried for ever.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.ids import MAX_ITEM_NUMBER
from infra.postgres.bill_tables import bill_checks, bill_lines
from infra.postgres.duty_tables import (
    archived_deliveries,
    attentions,
    audits,
    deliveries,
    entitlements,
    messages,
)
from infra.postgres.schema import metadata, moment

__all__ = [
    "archived_deliveries",
    "attentions",
    "audits",
    "bill_checks",
    "bill_lines",
    "deliveries",
    "entitlements",
    "messages",
    "metadata",
    "order_events",
    "orders",
    "payment_flows",
    "payment_notices",
    "payments",
    "points_accounts",
    "points_entries",
    "refunds",
    "sale_items",
    "sales",
    "stock_movements",
]

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
    moment("created_at", default_now=True),
    CheckConstraint("ends_at > starts_at", name="window"),
    CheckConstraint("pay_window_seconds > 0", name="pay_window"),
)

sale_items = Table(
    "sale_items",
    metadata,
    Column("sale_id", ForeignKey("sales.sale_id"), primary_key=True),
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
    CheckConstraint("total = available + held + sold", name="total"),
    CheckConstraint("available >= 0 AND held >= 0 AND sold >= 0", name="never_negative"),
    CheckConstraint("per_user_limit > 0", name="per_user_limit"),
    CheckConstraint("price > 0", name="price"),
    CheckConstraint(f"item_number BETWEEN 1 AND {MAX_ITEM_NUMBER}", name="item_number"),
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", String(26), primary_key=True),
    Column("sale_id", String(64), nullable=False),
    Column("sku_id", String(64), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text),
    moment("created_at", default_now=True),
    moment("pay_deadline", nullable=True),
    moment("closed_at", nullable=True),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("amount >= 0", name="amount"),
    Index(None, "user_id", "order_id"),
    Index(None, "sale_id", "sku_id", "user_id"),
    Index(None, "status", "order_id"),
)

order_events = Table(
    "order_events",
    metadata,
    Column("event_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", String(26), nullable=False, index=True),
    moment("at", default_now=True),
    Column("event", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)

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

payments = Table(
    "payments",
    metadata,
    Column("payment_id", String(32), primary_key=True),
    Column("order_id", ForeignKey("orders.order_id"), nullable=False, index=True),
    Column("method", String(20), nullable=False),
    Column("scene", String(10), nullable=False),
    Column("status", String(20), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("trade_no", Text, index=True),
    Column("action", JSONB(none_as_null=True)),
    moment("expires_at"),
    moment("created_at", default_now=True),
    moment("paid_at", nullable=True),
    CheckConstraint("amount > 0", name="amount"),
)

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
)
Index(
    "ix_payment_notices_unhandled",
    payment_notices.c.received_at,
    postgresql_where=text("handled_at IS NULL AND verdict IN ('accepted', 'wrong_amount')"),
)

# `reference`: the provider's trade number for money received, our refund id for money returned.
payment_flows = Table(
    "payment_flows",
    metadata,
    Column("flow_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", String(26), nullable=False, index=True),
    Column("payment_id", String(32), nullable=False),
    Column("method", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("reference", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    moment("at", default_now=True),
    UniqueConstraint("method", "kind", "reference"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("kind IN ('received', 'refunded')", name="kind"),
    Index(None, "method", "at"),
)

refunds = Table(
    "refunds",
    metadata,
    Column("refund_id", String(64), primary_key=True),
    Column("refund_number", BigInteger, Identity(), nullable=False, unique=True),
    Column("order_id", String(26), nullable=False, index=True),
    Column("payment_id", String(32), nullable=False, index=True),
    Column("method", String(20), nullable=False),
    Column("trade_no", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("requested_by", Text, nullable=False),
    moment("requested_at", default_now=True),
    moment("asked_at", nullable=True),
    moment("done_at", nullable=True),
    Column("request_key", Text),
    CheckConstraint("amount > 0", name="amount"),
    UniqueConstraint("order_id", "request_key"),
)

points_accounts = Table(
    "points_accounts",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("balance", BigInteger, nullable=False),
    CheckConstraint("balance >= 0", name="balance"),
)

# `amount` is signed, so that the entries of an account sum to its balance.
points_entries = Table(
    "points_entries",
    metadata,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    Column("user_id", ForeignKey("points_accounts.user_id"), nullable=False),
    Column("order_id", String(26)),
    Column("kind", String(20), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("balance_after", BigInteger, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("request_key", Text, unique=True),
    moment("at", default_now=True),
    UniqueConstraint("order_id", "kind"),
    CheckConstraint(
        "kind IN ('credit', 'award', 'grant') AND amount >= 0"
        " OR kind IN ('debit', 'award_back') AND amount <= 0",
        name="kind",
    ),
    Index(None, "user_id", "entry_id"),
)
