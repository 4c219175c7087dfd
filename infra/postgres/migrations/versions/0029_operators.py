"""An attention says its step and tries, and is sent to operators; a second person approves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_OPEN, _ARCHIVED = "attentions", "archived_attentions"
_MOMENT = sa.DateTime(timezone=True)
_STATUSES = "'requested', 'approved', 'done', 'failed', 'refused', 'unneeded'"


def upgrade() -> None:
    for table in (_OPEN, _ARCHIVED):
        op.add_column(table, sa.Column("step", sa.Text()))
        op.add_column(table, sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
        op.add_column(
            table, sa.Column("told", sa.SmallInteger(), server_default="0", nullable=False)
        )
        op.add_column(table, sa.Column("told_at", _MOMENT))
        op.add_column(table, sa.Column("telling_until", _MOMENT))
    for column in ("tries", "told"):
        op.alter_column(_ARCHIVED, column, server_default=None)
    op.create_index(
        "ix_attentions_untold",
        _OPEN,
        ["attention_id"],
        postgresql_where=sa.text("resolved_at IS NULL AND told < 2"),
    )
    _create_approvals()


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.String(40), nullable=False),
        sa.Column("approval_number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("command", postgresql.JSONB(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("request_key", sa.Text()),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", _MOMENT),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("done_at", _MOMENT),
        sa.Column("due_at", _MOMENT),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("approval_number", name=op.f("uq_approvals_approval_number")),
        sa.UniqueConstraint(
            "asked_by", "request_key", name=op.f("uq_approvals_asked_by_request_key")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_approvals_amount")),
        sa.CheckConstraint(f"status IN ({_STATUSES})", name=op.f("ck_approvals_status")),
    )
    op.create_index(op.f("ix_approvals_asked_by_asked_at"), "approvals", ["asked_by", "asked_at"])
    op.create_index(
        "uq_approvals_awaited",
        "approvals",
        ["asked_by", "digest"],
        unique=True,
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.create_index(
        "ix_approvals_due",
        "approvals",
        ["due_at"],
        postgresql_where=sa.text("status = 'approved'"),
    )


def downgrade() -> None:
    op.drop_table("approvals")
    op.drop_index("ix_attentions_untold", table_name=_OPEN)
    for table in (_ARCHIVED, _OPEN):
        for column in ("telling_until", "told_at", "told", "tries", "step"):
            op.drop_column(table, column)
