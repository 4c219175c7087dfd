"""A debit of points names the payment it belongs to."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Until now any payment of the order could claim the debit. The paid one has it, else the first.
_WHOSE_DEBIT = """
UPDATE points_entries AS entry SET payment_id = (
    SELECT payment_id FROM payments
    WHERE payments.order_id = entry.order_id AND method = 'points'
    ORDER BY status IN ('paid', 'refunded') DESC, payment_id
    LIMIT 1
)
WHERE kind = 'debit'
"""


def upgrade() -> None:
    op.execute("ALTER TABLE points_entries ADD COLUMN payment_id varchar(32)")
    op.execute(_WHOSE_DEBIT)


def downgrade() -> None:
    op.execute("ALTER TABLE points_entries DROP COLUMN payment_id")
