"""Reports of past audits."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, String, Table
from sqlalchemy.dialects.postgresql import JSONB

from infra.postgres.tables.schema import metadata, moment

audits = Table(
    "audits",
    metadata,
    Column("audit_id", String(64), primary_key=True),
    Column("audit_number", BigInteger, Identity(), nullable=False, unique=True),
    moment("started_at"),
    moment("finished_at"),
    Column("ok", Boolean, nullable=False),
    Column("checks", JSONB, nullable=False),
)
