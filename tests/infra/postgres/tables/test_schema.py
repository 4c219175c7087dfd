import pytest
from sqlalchemy import CheckConstraint, Table

from domain.payment import FlowKind
from infra.postgres.tables.catalogue import metadata
from infra.postgres.tables.schema import moment, one_of

TABLES = sorted(metadata.tables.values(), key=lambda table: table.name)


def test_a_column_may_be_kept_to_the_words_of_the_domain() -> None:
    assert one_of("kind", FlowKind) == "kind IN ('received', 'refunded')"


def test_a_moment_has_a_time_zone_and_may_be_now() -> None:
    at, due_at, done_at = (
        moment("at", default_now=True),
        moment("due_at"),
        moment("done_at", nullable=True),
    )

    assert {repr(column.type) for column in (at, due_at, done_at)} == {"DateTime(timezone=True)"}
    assert [column.nullable for column in (at, due_at, done_at)] == [False, False, True]
    assert str(at.server_default.arg) == "clock_timestamp()"  # type: ignore[union-attr]
    assert due_at.server_default is done_at.server_default is None


def test_every_table_is_in_the_catalogue() -> None:
    assert [table.name for table in TABLES] == [
        "approvals",
        "archived_attentions",
        "archived_bill_lines",
        "archived_deliveries",
        "archived_messages",
        "archived_order_events",
        "archived_orders",
        "archived_payment_flows",
        "archived_payment_notices",
        "archived_payments",
        "archived_points_entries",
        "archived_refunds",
        "archived_stock_movements",
        "attentions",
        "audits",
        "bill_checks",
        "bill_lines",
        "deliveries",
        "draw_seeds",
        "entitlements",
        "messages",
        "operator_acts",
        "order_events",
        "orders",
        "payment_flows",
        "payment_notices",
        "payments",
        "points_accounts",
        "points_debts",
        "points_entries",
        "refunds",
        "repairs",
        "room_messages",
        "room_tickets",
        "rooms",
        "sale_cancellations",
        "sale_commands",
        "sale_items",
        "sale_reports",
        "sales",
        "stock_movements",
        "unread_bill_rows",
    ]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_constraint_has_a_name_that_a_migration_can_say(table: Table) -> None:
    checks = [it for it in table.constraints if isinstance(it, CheckConstraint)]

    assert all(it.name for it in table.constraints)
    assert all(str(it.name) for it in checks)
    assert all(index.name for index in table.indexes)
