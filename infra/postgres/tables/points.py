"""Points accounts and their ledger."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from domain.points import GIVES, TAKES
from infra.postgres.tables.schema import metadata, moment, one_of

points_accounts = Table(
    "points_accounts",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("balance", BigInteger, nullable=False),
    # The sum of its entries that are in the archive.
    Column("archived", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("balance >= 0", name="balance"),
)

# `amount` is signed, so that the entries of an account and what is archived sum to its balance.
points_entries = Table(
    "points_entries",
    metadata,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    Column("user_id", ForeignKey(points_accounts.c.user_id), nullable=False),
    Column("order_id", String(26)),
    Column("payment_id", String(32)),
    Column("kind", String(20), nullable=False),
    # An award may come back in parts; everything else of an order moves once.
    Column("part", SmallInteger, nullable=False, server_default=text("0")),
    Column("amount", BigInteger, nullable=False),
    Column("balance_after", BigInteger, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("request_key", Text, unique=True),
    moment("at", default_now=True),
    UniqueConstraint("order_id", "kind", "part"),
    CheckConstraint(
        f"{one_of('kind', GIVES)} AND amount >= 0 OR {one_of('kind', TAKES)} AND amount <= 0",
        name="kind",
    ),
    Index(None, "user_id", "entry_id"),
)
# What an order awarded and has to give back, and had been spent by then. The next credit or award
# of its user pays it: a trigger on the entries does that, which stands in a migration.
points_debts = Table(
    "points_debts",
    metadata,
    Column("order_id", String(26), primary_key=True),
    Column("user_id", ForeignKey(points_accounts.c.user_id), nullable=False, index=True),
    Column("owed", BigInteger, nullable=False),
    moment("since", default_now=True),
    CheckConstraint("owed >= 0", name="owed"),
)
# An audit asks what has changed since the last one; rows come in the order of their time.
Index(None, points_entries.c.at, postgresql_using="brin")
