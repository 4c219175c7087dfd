"""How sales end: cancellations, and reports in versions."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, String, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from infra.postgres.tables.sales import sales
from infra.postgres.tables.schema import metadata, moment

sale_cancellations = Table(
    "sale_cancellations",
    metadata,
    Column("sale_id", ForeignKey(sales.c.sale_id), primary_key=True),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("asked_at", default_now=True),
    moment("begun_at", nullable=True),
    moment("paused_at", nullable=True),
    moment("done_at", nullable=True),
)

# A row is never changed: what came after it is the next version.
sale_reports = Table(
    "sale_reports",
    metadata,
    Column("sale_id", ForeignKey(sales.c.sale_id), primary_key=True),
    Column("version", Integer, primary_key=True),
    moment("made_at", default_now=True),
    Column("status", String(20), nullable=False),
    Column("figures", JSONB, nullable=False),
    Column("still_open", JSONB, nullable=False),
    Column("verdict", JSONB(none_as_null=True)),
    CheckConstraint("version > 0", name="version"),
)
