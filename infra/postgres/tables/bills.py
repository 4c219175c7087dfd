"""The providers' bills, and what came of comparing them with our ledger."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.bill import BilledRefund
from domain.payment import FlowKind
from infra.postgres.tables.schema import metadata, moment, one_of

# As the provider wrote them. `kind` and `reference` are those of payment_flows, so that a line
# finds its flow whatever day either side booked it on.
bill_lines = Table(
    "bill_lines",
    metadata,
    Column("method", String(20), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("trade_no", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    moment("at"),
    Column("refund_state", String(20), nullable=False, server_default=BilledRefund.DONE),
    CheckConstraint(one_of("kind", FlowKind), name="kind"),
    CheckConstraint(one_of("refund_state", BilledRefund), name="refund_state"),
    Index(None, "method", "day", "kind", "reference"),
)

# Of each bill the first ones; a reference says which row of the file it is, and why.
unread_bill_rows = Table(
    "unread_bill_rows",
    metadata,
    Column("method", String(20), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("payment_id", Text),
)

bill_checks = Table(
    "bill_checks",
    metadata,
    Column("method", String(20), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("check_number", BigInteger, Identity(), nullable=False, unique=True),
    moment("checked_at"),
    Column("lines", Integer, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("repaired", Integer, nullable=False),
    Column("mismatches", Integer, nullable=False),
    Column("sample", JSONB, nullable=False),
    Column("tries", Integer, nullable=False, server_default="1"),
)
