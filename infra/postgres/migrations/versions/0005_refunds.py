"""Refunds that wait their turn and are asked for once; stock an order takes a second time."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KIND = "ck_stock_movements_kind"
OF_THE_ITEM = "kind IN ('opening', 'restock') AND order_id IS NULL"
UNHANDLED = "ix_payment_notices_unhandled"


def upgrade() -> None:
    op.add_column("refunds", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refunds", sa.Column("request_key", sa.Text(), nullable=True))
    op.create_unique_constraint(
        op.f("uq_refunds_order_id_request_key"), "refunds", ["order_id", "request_key"]
    )
    _allow_movements("'hold', 'release', 'sell', 'sell_again', 'take_back'")
    _index_unhandled("verdict IN ('accepted', 'wrong_amount')")


def downgrade() -> None:
    _index_unhandled("verdict = 'accepted'")
    _allow_movements("'hold', 'release', 'sell', 'take_back'")
    op.drop_constraint(op.f("uq_refunds_order_id_request_key"), "refunds")
    op.drop_column("refunds", "request_key")
    op.drop_column("refunds", "asked_at")


def _allow_movements(kinds: str) -> None:
    op.drop_constraint(op.f(KIND), "stock_movements")
    of_an_order = f"kind IN ({kinds}) AND order_id IS NOT NULL"
    op.create_check_constraint(op.f(KIND), "stock_movements", f"{OF_THE_ITEM} OR {of_an_order}")


def _index_unhandled(verdicts: str) -> None:
    op.drop_index(UNHANDLED, table_name="payment_notices")
    op.create_index(
        UNHANDLED,
        "payment_notices",
        ["received_at"],
        postgresql_where=sa.text(f"handled_at IS NULL AND {verdicts}"),
    )
