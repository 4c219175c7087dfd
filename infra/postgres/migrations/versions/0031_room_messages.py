"""What those who wait in a room are told, and messages about a place instead of an order."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MESSAGES, ARCHIVED = "messages", "archived_messages"
_KEY = ("sale_id", "sku_id", "user_id")
_NOW = sa.text("clock_timestamp()")
# Of sales that are over nobody is told anything any more.
_OLD_ROOMS = """
UPDATE rooms SET ended_at = clock_timestamp()
FROM sales WHERE sales.sale_id = rooms.sale_id AND sales.ends_at < clock_timestamp()
"""


def upgrade() -> None:
    for table in (MESSAGES, ARCHIVED):
        op.alter_column(table, "order_id", nullable=True)
        op.add_column(table, sa.Column("ticket", sa.String(64)))
    op.create_unique_constraint(op.f("uq_messages_ticket_topic"), MESSAGES, ["ticket", "topic"])
    op.create_check_constraint(
        op.f("ck_messages_about"), MESSAGES, "num_nonnulls(order_id, ticket) = 1"
    )
    op.add_column("rooms", sa.Column("ended_at", sa.DateTime(timezone=True)))
    op.execute(_OLD_ROOMS)
    op.create_table(
        "room_messages",
        sa.Column("sale_id", sa.String(64), nullable=False),
        sa.Column("sku_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.String(20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint(*_KEY, "topic", "number", name=op.f("pk_room_messages")),
        sa.ForeignKeyConstraint(
            _KEY,
            [f"room_tickets.{name}" for name in _KEY],
            name="fk_room_messages_ticket",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_room_messages_due",
        "room_messages",
        ["topic", "due_at"],
        postgresql_where=sa.text("told_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("room_messages")
    op.drop_column("rooms", "ended_at")
    op.drop_constraint(op.f("ck_messages_about"), MESSAGES)
    op.drop_constraint(op.f("uq_messages_ticket_topic"), MESSAGES)
    for table in (MESSAGES, ARCHIVED):
        op.execute(f"DELETE FROM {table} WHERE order_id IS NULL")  # noqa: S608
        op.drop_column(table, "ticket")
        op.alter_column(table, "order_id", nullable=False)
