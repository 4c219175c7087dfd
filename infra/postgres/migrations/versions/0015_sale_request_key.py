"""A sale remembers the key it was asked for under, so that a repeat is not a second sale."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE sales ADD COLUMN request_key text, ADD COLUMN request_digest text")
    op.create_unique_constraint(op.f("uq_sales_request_key"), "sales", ["request_key"])


def downgrade() -> None:
    op.execute("ALTER TABLE sales DROP COLUMN request_digest, DROP COLUMN request_key")
