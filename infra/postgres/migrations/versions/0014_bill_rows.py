"""What a bill says of a refund's state, and which of its rows nobody could read."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_CHECK = "refund_state IN ('done', 'asked', 'failed')"


def upgrade() -> None:
    # Without rewriting the table: Postgres keeps a constant default beside it.
    op.add_column(
        "bill_lines",
        sa.Column("refund_state", sa.String(length=20), nullable=False, server_default="done"),
    )
    op.create_check_constraint(op.f("ck_bill_lines_refund_state"), "bill_lines", _CHECK)
    op.create_table(
        "unread_bill_rows",
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text()),
        sa.PrimaryKeyConstraint("method", "day", "reference", name=op.f("pk_unread_bill_rows")),
    )


def downgrade() -> None:
    op.drop_table("unread_bill_rows")
    op.drop_column("bill_lines", "refund_state")
