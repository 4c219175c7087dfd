"""Orders brought into a state the way buyers do it, and what an audit says of them."""

import asyncio
from functools import partial

from redis.asyncio import Redis
from temporalio.client import WorkflowHandle

from audit.run import run_audit
from audit.sources import AuditSources
from domain.audit import AuditReport, Check
from domain.ids import workflow_id
from domain.reservation import Intent, ReservationState
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.redis.keys import ItemKeys
from tests.support.intent_groups import start_all
from tests.support.polling import until
from tests.support.shop import Shop
from workflows.order import OrderWorkflow
from workflows.updates import OrderOutcome


async def dispatched(shop: Shop, sources: AuditSources, user_id: str, quantity: int = 1) -> Intent:
    """Accepted at the gate, handed to a workflow and acknowledged: an order that waits to be
    paid."""
    intent = await shop.intent(user_id, quantity)
    await shop.start(intent)
    await start_all(shop.redis)
    await until(partial(has_status, shop.database, intent, OrderStatus.PENDING_PAYMENT))
    return intent


async def paid(shop: Shop, sources: AuditSources, user_id: str) -> Intent:
    intent = await dispatched(shop, sources, user_id)
    handle = handle_of(shop, intent.order_id)
    await shop.pay(handle)
    await until(partial(has_status, shop.database, intent, OrderStatus.FULFILLED))
    await until(partial(_is_sold, shop, intent))
    return intent


async def cancelled(shop: Shop, sources: AuditSources, user_id: str) -> Intent:
    intent = await dispatched(shop, sources, user_id)
    handle = handle_of(shop, intent.order_id)
    await shop.cancel(handle)
    return intent


def handle_of(shop: Shop, order_id: str) -> WorkflowHandle[OrderWorkflow, OrderOutcome]:
    return shop.client.get_workflow_handle(workflow_id(order_id), result_type=OrderOutcome)


async def lost(shop: Shop, redis: Redis) -> Intent:
    """Accepted, and then forgotten on its way to the dispatcher."""
    intent = await shop.intent("ada")
    await redis.delete(ItemKeys.of(shop.item.ref).intents)
    return intent


async def grown_old(sources: AuditSources) -> None:
    """The grace itself is what has to pass."""
    await asyncio.sleep(sources.grace.total_seconds())


def broken_checks(report: AuditReport) -> set[str]:
    return {check.code for check in report.checks if not check.ok}


def check_of(report: AuditReport, code: str) -> Check:
    return next(check for check in report.checks if check.code == code)


async def assert_breaks(sources: AuditSources, codes: str, *order_ids: str) -> AuditReport:
    """Exactly the checks `codes` ("A2 A7") are broken, and each names exactly these orders."""
    report = await run_audit(sources)
    assert broken_checks(report) == set(codes.split()), report
    for code in codes.split():
        check = check_of(report, code)
        assert set(check.orders) == set(order_ids), check
    return report


async def has_status(database: Database, intent: Intent, status: OrderStatus) -> bool:
    async with database.transaction() as connection:
        order = await Orders(connection).get(intent.order_id)
    return order is not None and order.status is status


async def _is_sold(shop: Shop, intent: Intent) -> bool:
    reservation = await shop.gate.reservation(intent.item, intent.order_id)
    return reservation is not None and reservation.state is ReservationState.SOLD
