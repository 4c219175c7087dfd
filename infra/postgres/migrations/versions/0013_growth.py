"""Items that are over leave Redis, and Postgres says which did; what happened to orders that ended
long ago, and what their buyers were told, has an archive."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.add_column("sale_items", sa.Column("retired_at", sa.DateTime(timezone=True)))
    op.create_table(
        "archived_order_events",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.String(26), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_archived_order_events")),
    )
    name = op.f("ix_archived_order_events_order_id")
    op.create_index(name, "archived_order_events", ["order_id"])
    op.create_table(
        "archived_messages",
        sa.Column("message_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.String(26), nullable=False),
        sa.Column("topic", sa.String(30), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("message_number", name=op.f("pk_archived_messages")),
    )


def downgrade() -> None:
    op.drop_table("archived_messages")
    op.drop_table("archived_order_events")
    op.drop_column("sale_items", "retired_at")
