"""An order's version grows with every change that its view shows."""

from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default writes no row anew, however many there are.
    op.execute("ALTER TABLE orders ADD COLUMN version integer NOT NULL DEFAULT 1")
    op.execute("ALTER TABLE archived_orders ADD COLUMN version integer NOT NULL DEFAULT 1")
    # What comes to the archive brings its own.
    op.execute("ALTER TABLE archived_orders ALTER COLUMN version DROP DEFAULT")


def downgrade() -> None:
    op.execute("ALTER TABLE archived_orders DROP COLUMN version")
    op.execute("ALTER TABLE orders DROP COLUMN version")
