"""What operators do leaves a row; a workflow's notices are counted; an award is for what stays."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# VOLATILE, as `units_of_buyer`: called once the order's row is locked, it sees what was written
# while the statement waited for that.
_MONEY_THAT_EARNS = """
CREATE FUNCTION money_that_earns(paid_order text, earning text[]) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN ARRAY(
        -- Less what went back while the order goes on.
        SELECT amount - (
            SELECT coalesce(sum(flow.amount), 0)::bigint FROM payment_flows AS flow
            WHERE flow.order_id = paid_order AND flow.payment_id = payments.payment_id
              AND flow.kind = 'refunded'
        ) FROM payments
        WHERE order_id = paid_order AND status = 'paid' AND method = ANY(earning)
        ORDER BY payment_id
    );
END
$$
"""


def upgrade() -> None:
    op.execute(_MONEY_THAT_EARNS)
    op.execute("ALTER TABLE payment_notices ADD COLUMN signals integer NOT NULL DEFAULT 0")
    op.create_table(
        "operator_acts",
        sa.Column("act_number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.String(30), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("act_number", name=op.f("pk_operator_acts")),
    )
    op.create_index(op.f("ix_operator_acts_subject"), "operator_acts", ["subject"])


def downgrade() -> None:
    op.drop_table("operator_acts")
    op.execute("ALTER TABLE payment_notices DROP COLUMN signals")
    op.execute("DROP FUNCTION money_that_earns(text, text[])")
