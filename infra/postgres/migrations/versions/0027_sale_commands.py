"""A sale has a version, and what operators tell it to do is kept; units may be taken back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

WINDOW, QUANTITY = "ck_sales_window", "ck_stock_movements_quantity"
ENDED_EARLY = "status IN ('closed', 'settled', 'cancelled')"


def upgrade() -> None:
    # A constant default: no row is written anew.
    op.add_column("sales", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    _check("sales", WINDOW, f"ends_at > starts_at OR {ENDED_EARLY}")
    quantity = "quantity > 0 OR kind = 'opening' OR kind = 'restock' AND quantity <> 0"
    _check("stock_movements", QUANTITY, quantity)
    op.create_table(
        "sale_commands",
        sa.Column("command_number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("sale_id", sa.String(64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("answer", postgresql.JSONB()),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("command_number", name=op.f("pk_sale_commands")),
        sa.ForeignKeyConstraint(
            ["sale_id"], ["sales.sale_id"], name=op.f("fk_sale_commands_sale_id_sales")
        ),
        sa.UniqueConstraint(
            "sale_id", "actor", "key", name=op.f("uq_sale_commands_sale_id_actor_key")
        ),
    )


def downgrade() -> None:
    op.drop_table("sale_commands")
    # What was taken back is summed up in the opening, or the old rule would not hold.
    op.execute(
        "UPDATE stock_movements AS opening SET quantity = opening.quantity + gone.units FROM ("
        " SELECT sale_id, sku_id, sum(quantity)::int AS units FROM stock_movements"
        " WHERE kind = 'restock' AND quantity < 0 GROUP BY sale_id, sku_id) AS gone"
        " WHERE opening.kind = 'opening' AND opening.sale_id = gone.sale_id"
        " AND opening.sku_id = gone.sku_id"
    )
    op.execute("DELETE FROM stock_movements WHERE kind = 'restock' AND quantity < 0")
    _check("stock_movements", QUANTITY, "quantity > 0 OR kind = 'opening'")
    op.execute("UPDATE sales SET starts_at = ends_at - interval '1 ms' WHERE ends_at <= starts_at")
    _check("sales", WINDOW, "ends_at > starts_at")
    op.drop_column("sales", "version")


def _check(table: str, name: str, rule: str) -> None:
    op.drop_constraint(op.f(name), table)
    op.create_check_constraint(op.f(name), table, rule)
