"""Providers' bills, line by line, and what came of comparing them with our ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bill_lines",
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("trade_no", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('received', 'refunded')", name=op.f("ck_bill_lines_kind")),
        sa.PrimaryKeyConstraint("method", "kind", "reference", name=op.f("pk_bill_lines")),
    )
    op.create_index(
        op.f("ix_bill_lines_method_day_kind_reference"),
        "bill_lines",
        ["method", "day", "kind", "reference"],
    )
    op.create_table(
        "bill_checks",
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("check_number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("repaired", sa.Integer(), nullable=False),
        sa.Column("mismatches", sa.Integer(), nullable=False),
        sa.Column("sample", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("method", "day", name=op.f("pk_bill_checks")),
        sa.UniqueConstraint("check_number", name=op.f("uq_bill_checks_check_number")),
    )
    op.create_index(op.f("ix_payment_flows_method_at"), "payment_flows", ["method", "at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_payment_flows_method_at"), table_name="payment_flows")
    op.drop_table("bill_checks")
    op.drop_table("bill_lines")
