"""The whole schema, for who migrates or compares it: `metadata` knows a table once its file is
imported."""

from infra.postgres.tables import (
    approvals,
    attentions,
    audits,
    bills,
    buyer_messages,
    deliveries,
    ledger_archive,
    notices,
    operator_acts,
    orders,
    payments,
    points,
    refunds,
    repairs,
    rooms,
    sale_commands,
    sale_ends,
    sales,
    stock,
)
from infra.postgres.tables.schema import metadata

__all__ = [
    "approvals",
    "attentions",
    "audits",
    "bills",
    "buyer_messages",
    "deliveries",
    "ledger_archive",
    "metadata",
    "notices",
    "operator_acts",
    "orders",
    "payments",
    "points",
    "refunds",
    "repairs",
    "rooms",
    "sale_commands",
    "sale_ends",
    "sales",
    "stock",
]
