"""Payments that were begun without their workflow are asked after by rounds."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payments ADD COLUMN ask_at timestamptz")
    # None has a moment yet, so the index is made in no time, whatever there is.
    op.execute(
        "CREATE INDEX ix_payments_unanswered ON payments (ask_at)"
        " WHERE status = 'created' AND ask_at IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_payments_unanswered")
    op.execute("ALTER TABLE payments DROP COLUMN ask_at")
