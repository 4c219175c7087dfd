"""Orders that should have moved on are found without asking Temporal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.service import RPCError, RPCStatusCode

from audit.overdue import OverdueOrder, overdue_orders
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from tests.support.audited_orders import assert_breaks, check_of, dispatched
from tests.support.ledger import damage, open_item, pay, place
from tests.support.shop import Shop
from tests.support.workflows_double import WorkflowsDouble

LATE = "UPDATE orders SET pay_deadline = now() - interval '10 minutes'"
PAID_LONG_AGO = "UPDATE payments SET paid_at = now() - interval '10 minutes'"
OVERDUE = timedelta(minutes=3)


async def overdue(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return [order.order_id for order in await overdue_orders(connection, OVERDUE)]


async def test_an_unpaid_order_past_its_deadline_is_overdue_and_others_are_not(
    database: Database,
) -> None:
    item = await open_item(database)
    late = await place(database, item, "late")
    await damage(database, LATE)
    await place(database, item, "in time")

    assert await overdue(database) == [late.order_id]


async def test_a_paid_order_that_nobody_delivers_is_overdue_unless_a_person_decides(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item)
    await pay(database, order)
    await damage(database, "UPDATE orders SET status = 'paid'")
    await damage(database, "UPDATE payments SET paid_at = now()")
    assert await overdue(database) == []
    await damage(database, PAID_LONG_AGO)
    assert await overdue(database) == [order.order_id]

    async with database.transaction() as connection:
        await Attentions(connection).raise_(
            AttentionKind.DELIVERY_FAILED, "points", order_id=order.order_id, what="", advice=""
        )

    assert await overdue(database) == []


async def test_the_finding_says_since_when() -> None:
    since = datetime.now(UTC) - timedelta(minutes=12, seconds=5)

    order = OverdueOrder(order_id="O1", status=OrderStatus.PENDING_PAYMENT, since=since)

    assert order.finding().what == (
        "order O1 is pending_payment, and should be over since 12 minutes"
    )


@pytest.mark.parametrize("temporal_answers", [True, False])
async def test_a4_names_it_whether_temporal_answers_or_not(
    shop: Shop, sources: AuditSources, temporal_answers: bool
) -> None:
    intent = await dispatched(shop, sources, "ada")
    await damage(shop.database, LATE)
    away = WorkflowsDouble(away=RPCError("gone", RPCStatusCode.UNAVAILABLE, b""))
    looked_at = sources if temporal_answers else replace(sources, workflows=away)

    report = await assert_breaks(looked_at, "A4", intent.order_id)

    assert "should be over since 10 minutes" in check_of(report, "A4").detail
