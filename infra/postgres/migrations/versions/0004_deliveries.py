"""What deliveries leave behind: rights, messages, an archive; and why a person closed a case."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archived_deliveries",
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        _now("archived_at"),
        sa.PrimaryKeyConstraint("order_id", "kind", name=op.f("pk_archived_deliveries")),
    )
    op.create_table(
        "entitlements",
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.String(length=64), nullable=False),
        sa.Column("sku_id", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        _now("granted_at"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_entitlements_quantity")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_entitlements_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_entitlements")),
    )
    op.create_index(op.f("ix_entitlements_user_id"), "entitlements", ["user_id"])
    op.create_table(
        "messages",
        sa.Column("message_number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column("topic", sa.String(length=30), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _now("sent_at"),
        sa.PrimaryKeyConstraint("message_number", name=op.f("pk_messages")),
        sa.UniqueConstraint("order_id", "topic", name=op.f("uq_messages_order_id_topic")),
    )
    op.create_index(op.f("ix_messages_user_id"), "messages", ["user_id"])
    op.add_column(
        "attentions", sa.Column("resolution", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("attentions", "resolution")
    op.drop_table("messages")
    op.drop_table("entitlements")
    op.drop_table("archived_deliveries")


def _now(name: str) -> sa.Column[object]:
    default = sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=False)
