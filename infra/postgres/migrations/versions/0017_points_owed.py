"""What a refunded order awarded is owed until it is back."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# In the same transaction as what came in, whoever wrote it: the hot path writes an award in one
# query, and nobody can forget it. The account's row is locked already, by what added to it.
_TAKE_POINTS_OWED = """
CREATE FUNCTION take_points_owed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    debt record;
    came bigint := NEW.amount;
    taken bigint;
    held bigint;
BEGIN
    FOR debt IN
        SELECT order_id, owed FROM points_debts WHERE user_id = NEW.user_id AND owed > 0
        ORDER BY since, order_id FOR UPDATE
    LOOP
        taken := least(debt.owed, came);
        EXIT WHEN taken <= 0;
        came := came - taken;
        UPDATE points_debts SET owed = owed - taken WHERE order_id = debt.order_id;
        UPDATE points_accounts SET balance = balance - taken WHERE user_id = NEW.user_id
        RETURNING balance INTO held;
        INSERT INTO points_entries
            (user_id, order_id, part, kind, amount, balance_after, note)
        SELECT NEW.user_id, debt.order_id, 1 + max(part), 'award_back', -taken, held,
            'owed since its money went back'
        FROM points_entries WHERE order_id = debt.order_id AND kind = 'award_back';
    END LOOP;
    RETURN NULL;
END
$$
"""
_TRIGGER = """
CREATE TRIGGER take_points_owed AFTER INSERT ON points_entries
FOR EACH ROW WHEN (NEW.kind IN ('credit', 'award')) EXECUTE FUNCTION take_points_owed()
"""
# Until now the rest of an award that had been spent was forgotten.
_FORGOTTEN = """
INSERT INTO points_debts (order_id, user_id, owed)
SELECT award.order_id, award.user_id, award.amount + back.amount
FROM points_entries AS award JOIN points_entries AS back USING (order_id, user_id)
WHERE award.kind = 'award' AND back.kind = 'award_back' AND award.amount + back.amount > 0
"""


def upgrade() -> None:
    op.execute("ALTER TABLE points_entries ADD COLUMN part smallint NOT NULL DEFAULT 0")
    op.drop_constraint(op.f("uq_points_entries_order_id_kind"), "points_entries")
    op.create_unique_constraint(
        op.f("uq_points_entries_order_id_kind_part"),
        "points_entries",
        ["order_id", "kind", "part"],
    )
    op.create_table(
        "points_debts",
        sa.Column("order_id", sa.String(26), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("owed >= 0", name=op.f("ck_points_debts_owed")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["points_accounts.user_id"],
            name=op.f("fk_points_debts_user_id_points_accounts"),
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_points_debts")),
    )
    op.create_index(op.f("ix_points_debts_user_id"), "points_debts", ["user_id"])
    op.execute(_FORGOTTEN)
    op.execute(_TAKE_POINTS_OWED)
    op.execute(_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER take_points_owed ON points_entries")
    op.execute("DROP FUNCTION take_points_owed()")
    op.drop_table("points_debts")
    op.drop_constraint(op.f("uq_points_entries_order_id_kind_part"), "points_entries")
    op.execute("ALTER TABLE points_entries DROP COLUMN part")
    op.create_unique_constraint(
        op.f("uq_points_entries_order_id_kind"), "points_entries", ["order_id", "kind"]
    )
