"""Payments that were closed while their provider had not answered are closed there once more."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX ix_payments_unanswered")
    op.execute(
        "CREATE INDEX ix_payments_unanswered ON payments (ask_at)"
        " WHERE status IN ('created', 'closed') AND ask_at IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_payments_unanswered")
    op.execute(
        "CREATE INDEX ix_payments_unanswered ON payments (ask_at)"
        " WHERE status = 'created' AND ask_at IS NOT NULL"
    )
