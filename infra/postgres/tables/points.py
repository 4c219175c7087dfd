"""Points accounts and their ledger."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from infra.postgres.tables.schema import metadata, moment

points_accounts = Table(
    "points_accounts",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("balance", BigInteger, nullable=False),
    CheckConstraint("balance >= 0", name="balance"),
)

# `amount` is signed, so that the entries of an account sum to its balance.
points_entries = Table(
    "points_entries",
    metadata,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    Column("user_id", ForeignKey(points_accounts.c.user_id), nullable=False),
    Column("order_id", String(26)),
    Column("kind", String(20), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("balance_after", BigInteger, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("request_key", Text, unique=True),
    moment("at", default_now=True),
    UniqueConstraint("order_id", "kind"),
    CheckConstraint(
        "kind IN ('credit', 'award', 'grant') AND amount >= 0"
        " OR kind IN ('debit', 'award_back') AND amount <= 0",
        name="kind",
    ),
    Index(None, "user_id", "entry_id"),
)
