"""What operators did, where nothing else says so."""

from sqlalchemy import BigInteger, Column, Identity, String, Table, Text

from infra.postgres.tables.schema import metadata, moment

operator_acts = Table(
    "operator_acts",
    metadata,
    Column("act_number", BigInteger, Identity(), primary_key=True),
    moment("at", default_now=True),
    Column("actor", Text, nullable=False),
    Column("act", String(30), nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("reason", Text, nullable=False, server_default=""),
)
