"""Payments, refunds, points, and what providers said."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column("payment_id", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("scene", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("trade_no", sa.Text(), nullable=True),
        sa.Column(
            "action", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.order_id"], name=op.f("fk_payments_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_payments")),
    )
    op.create_index(op.f("ix_payments_order_id"), "payments", ["order_id"], unique=False)
    op.create_index(op.f("ix_payments_trade_no"), "payments", ["trade_no"], unique=False)
    op.create_table(
        "payment_notices",
        sa.Column("notice_id", sa.String(length=64), nullable=False),
        sa.Column("notice_number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("provider_notice_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column(
            "receipt", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column(
            "refund", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("deliveries", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_as", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_payment_notices")),
        sa.UniqueConstraint("notice_number", name=op.f("uq_payment_notices_notice_number")),
    )
    op.create_index(
        op.f("ix_payment_notices_order_id"), "payment_notices", ["order_id"], unique=False
    )
    op.create_index(
        op.f("ix_payment_notices_payment_id"), "payment_notices", ["payment_id"], unique=False
    )
    op.create_index(
        "ix_payment_notices_unhandled",
        "payment_notices",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("handled_at IS NULL AND verdict = 'accepted'"),
    )
    op.create_table(
        "payment_flows",
        sa.Column("flow_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column("payment_id", sa.String(length=32), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('received', 'refunded')", name=op.f("ck_payment_flows_kind")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_flows_amount")),
        sa.PrimaryKeyConstraint("flow_id", name=op.f("pk_payment_flows")),
        sa.UniqueConstraint(
            "method", "kind", "reference", name=op.f("uq_payment_flows_method_kind_reference")
        ),
    )
    op.create_index(op.f("ix_payment_flows_order_id"), "payment_flows", ["order_id"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("refund_id", sa.String(length=64), nullable=False),
        sa.Column("refund_number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.String(length=26), nullable=False),
        sa.Column("payment_id", sa.String(length=32), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("trade_no", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("refund_number", name=op.f("uq_refunds_refund_number")),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"], unique=False)
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
    op.create_table(
        "points_accounts",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_points_accounts_balance")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_points_accounts")),
    )
    op.create_table(
        "points_entries",
        sa.Column("entry_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.String(length=26), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('credit', 'award', 'grant') AND amount >= 0"
            " OR kind IN ('debit', 'award_back') AND amount <= 0",
            name=op.f("ck_points_entries_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["points_accounts.user_id"],
            name=op.f("fk_points_entries_user_id_points_accounts"),
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_points_entries")),
        sa.UniqueConstraint("order_id", "kind", name=op.f("uq_points_entries_order_id_kind")),
        sa.UniqueConstraint("request_key", name=op.f("uq_points_entries_request_key")),
    )
    op.create_index(
        op.f("ix_points_entries_user_id_entry_id"),
        "points_entries",
        ["user_id", "entry_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("points_entries")
    op.drop_table("points_accounts")
    op.drop_table("refunds")
    op.drop_table("payment_flows")
    op.drop_table("payment_notices")
    op.drop_table("payments")
