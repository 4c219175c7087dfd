"""Sales, orders and the stock they move."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sales",
        sa.Column("sale_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pay_window_seconds", sa.Integer(), nullable=False),
        sa.Column("requires_entry_token", sa.Boolean(), nullable=False),
        sa.Column("late_payment", sa.String(length=20), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_sales_window")),
        sa.CheckConstraint("pay_window_seconds > 0", name=op.f("ck_sales_pay_window")),
        sa.PrimaryKeyConstraint("sale_id", name=op.f("pk_sales")),
    )
    op.create_table(
        "sale_items",
        sa.Column("sale_id", sa.String(length=64), nullable=False),
        sa.Column("sku_id", sa.String(length=64), nullable=False),
        sa.Column("item_number", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("list_price", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("points_price", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("per_user_limit", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sold", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "available >= 0 AND held >= 0 AND sold >= 0", name=op.f("ck_sale_items_never_negative")
        ),
        sa.CheckConstraint(
            "item_number BETWEEN 1 AND 1048575", name=op.f("ck_sale_items_item_number")
        ),
        sa.CheckConstraint("per_user_limit > 0", name=op.f("ck_sale_items_per_user_limit")),
        sa.CheckConstraint("price > 0", name=op.f("ck_sale_items_price")),
        sa.CheckConstraint("total = available + held + sold", name=op.f("ck_sale_items_total")),
        sa.ForeignKeyConstraint(
            ["sale_id"], ["sales.sale_id"], name=op.f("fk_sale_items_sale_id_sales")
        ),
        sa.PrimaryKeyConstraint("sale_id", "sku_id", name=op.f("pk_sale_items")),
        sa.UniqueConstraint("item_number", name=op.f("uq_sale_items_item_number")),
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column("sale_id", sa.String(length=64), nullable=False),
        sa.Column("sku_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("pay_deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_orders_amount")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_orders_quantity")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
    )
    op.create_index(
        op.f("ix_orders_sale_id_sku_id_user_id"),
        "orders",
        ["sale_id", "sku_id", "user_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_orders_status_order_id"), "orders", ["status", "order_id"], unique=False
    )
    op.create_index(
        op.f("ix_orders_user_id_order_id"), "orders", ["user_id", "order_id"], unique=False
    )
    op.create_table(
        "order_events",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_order_events")),
    )
    op.create_index(op.f("ix_order_events_order_id"), "order_events", ["order_id"], unique=False)
    op.create_table(
        "stock_movements",
        sa.Column("movement_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sale_id", sa.String(length=64), nullable=False),
        sa.Column("sku_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=26), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('opening', 'restock') AND order_id IS NULL"
            " OR kind IN ('hold', 'release', 'sell', 'take_back') AND order_id IS NOT NULL",
            name=op.f("ck_stock_movements_kind"),
        ),
        sa.CheckConstraint(
            "quantity > 0 OR kind = 'opening'", name=op.f("ck_stock_movements_quantity")
        ),
        sa.PrimaryKeyConstraint("movement_id", name=op.f("pk_stock_movements")),
        sa.UniqueConstraint("order_id", "kind", name=op.f("uq_stock_movements_order_id_kind")),
        sa.UniqueConstraint("request_key", name=op.f("uq_stock_movements_request_key")),
    )
    op.create_index(
        op.f("ix_stock_movements_sale_id_sku_id"),
        "stock_movements",
        ["sale_id", "sku_id"],
        unique=False,
    )
    op.create_index(
        "uq_stock_movements_way_out",
        "stock_movements",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("kind IN ('release', 'sell')"),
    )


def downgrade() -> None:
    op.drop_table("stock_movements")
    op.drop_table("order_events")
    op.drop_table("orders")
    op.drop_table("sale_items")
    op.drop_table("sales")
