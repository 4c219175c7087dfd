"""What has changed since a moment is found without reading all there is."""

from alembic import op

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None

# Rows come in the order of their time, so a summary of each range of pages is enough: it costs
# a few kilobytes, and next to nothing to keep.
_TABLES = ("order_events", "payment_flows", "points_entries", "stock_movements")


def upgrade() -> None:
    for table in _TABLES:
        op.create_index(op.f(f"ix_{table}_at"), table, ["at"], postgresql_using="brin")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_index(op.f(f"ix_{table}_at"), table_name=table)
