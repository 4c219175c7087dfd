"""What operators asked for, where it needs a second person or is counted against their day."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.approval import ApprovalStatus
from infra.postgres.tables.schema import metadata, moment, one_of

# `command` is the exact command, as it will be carried out; `digest` is made of it.
approvals = Table(
    "approvals",
    metadata,
    Column("approval_id", String(40), primary_key=True),
    Column("approval_number", BigInteger, Identity(), nullable=False, unique=True),
    Column("kind", String(30), nullable=False),
    Column("subject", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("command", JSONB, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("request_key", Text),
    Column("status", String(20), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    moment("asked_at", default_now=True),
    moment("expires_at"),
    Column("decided_by", Text),
    Column("decision", Text, nullable=False, server_default=""),
    moment("decided_at", nullable=True),
    Column("outcome", Text, nullable=False, server_default=""),
    moment("done_at", nullable=True),
    # When it is carried out next: whoever does it sets this ahead of itself.
    moment("due_at", nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    UniqueConstraint("asked_by", "request_key"),
    CheckConstraint("amount >= 0", name="amount"),
    CheckConstraint(one_of("status", ApprovalStatus), name="status"),
    Index(None, "asked_by", "asked_at"),
)
Index(
    "uq_approvals_awaited",
    approvals.c.asked_by,
    approvals.c.digest,
    unique=True,
    postgresql_where=text("status = 'requested'"),
)
Index("ix_approvals_due", approvals.c.due_at, postgresql_where=text("status = 'approved'"))
