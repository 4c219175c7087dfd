"""A sale says who is let in to order, and at which pace."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Constant defaults write no row anew, and suit a process of the release before.
_COLUMNS = {
    "admission": "varchar(20) NOT NULL DEFAULT 'open'",
    "room_opens_at": "timestamptz",
    "pace_per_minute": "integer",
    "pass_window_seconds": "integer NOT NULL DEFAULT 180",
    "requires_claim": "varchar(64)",
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.execute(f"ALTER TABLE sales ADD COLUMN {name} {kind}")


def downgrade() -> None:
    for name in _COLUMNS:
        op.execute(f"ALTER TABLE sales DROP COLUMN {name}")
