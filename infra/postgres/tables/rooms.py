"""Rooms of items, the tickets in them, and the seeds of their draws.

Redis decides about tickets; the rows follow, so that it may be lost. Only a draw is decided here.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from infra.postgres.tables.sales import sales
from infra.postgres.tables.schema import metadata, moment

# Nothing but `infra/postgres/draw_seeds.py` reads it: whoever knows a seed before its pool ends
# can choose the winners. A trigger refuses to change or delete a row.
draw_seeds = Table(
    "draw_seeds",
    metadata,
    Column("sale_id", ForeignKey(sales.c.sale_id), primary_key=True),
    Column("seed", LargeBinary, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Column("beacon_source", Text),
    Column("beacon", Text),
    moment("made_at", default_now=True),
    CheckConstraint("beacon IS NULL OR beacon_source IS NOT NULL", name="beacon"),
)

# `leaves` and `places`: a draw's whole list and its outcome, by index; Postgres keeps them beside
# the row and reads them only where they are asked for.
rooms = Table(
    "rooms",
    metadata,
    Column("sale_id", String(64), primary_key=True),
    Column("sku_id", String(64), primary_key=True),
    Column("next_number", Integer, nullable=False, server_default="0"),
    Column("serving", Integer, nullable=False, server_default="0"),
    Column("void_because", Text),
    Column("pool_size", Integer),
    Column("digest", LargeBinary),
    Column("leaves", LargeBinary),
    Column("places", LargeBinary),
    moment("opened_at", default_now=True),
    moment("drawn_at", nullable=True),
    # When everybody was told of the end of its sale.
    moment("ended_at", nullable=True),
    CheckConstraint("(digest IS NULL) = (pool_size IS NULL)", name="drawn"),
)

room_tickets = Table(
    "room_tickets",
    metadata,
    Column("sale_id", String(64), primary_key=True),
    Column("sku_id", String(64), primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("index", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("lapses", Integer, nullable=False),
    Column("order_id", String(26)),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    moment("joined_at", nullable=True),
    moment("called_at", nullable=True),
    moment("fetched_at", nullable=True),
    moment("lapsed_at", nullable=True),
    moment("used_at", nullable=True),
    moment("left_at", nullable=True),
)
Index(
    "uq_room_tickets_index",
    room_tickets.c.sale_id,
    room_tickets.c.sku_id,
    room_tickets.c.index,
    unique=True,
)

# What those who have a place are told, each thing once: written with the tickets, sent afterwards.
# `number`: where who is called stood; 0 of what is told once. What was told stays, so that a repeat
# of the tickets tells nobody twice; it goes with its ticket.
room_messages = Table(
    "room_messages",
    metadata,
    Column("sale_id", String(64), primary_key=True),
    Column("sku_id", String(64), primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("topic", String(20), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    moment("due_at", default_now=True),
    moment("told_at", nullable=True),
    ForeignKeyConstraint(
        ["sale_id", "sku_id", "user_id"],
        [room_tickets.c.sale_id, room_tickets.c.sku_id, room_tickets.c.user_id],
        name="fk_room_messages_ticket",
        ondelete="CASCADE",
    ),
)
Index(
    "ix_room_messages_due",
    room_messages.c.topic,
    room_messages.c.due_at,
    postgresql_where=text("told_at IS NULL"),
)
