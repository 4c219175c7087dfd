"""When the whole system is idle: nobody works on anything, and nothing waits to be worked on."""

import asyncio
import time

from sqlalchemy import text
from temporalio.client import Client

from infra.redis.intents import Intents
from infra.temporal.client import connect_temporal
from tests.support.gate import backlog_of
from tests.support.whole_system import WholeSystem

AT_WORK = "ExecutionStatus = 'Running' AND WorkflowType IN ('OrderWorkflow', 'RefundWorkflow')"
IDLE_WITHIN_SECONDS = 60.0
# Temporal's search lags a little behind, and a relay runs every second.
LOOKS_IN_A_ROW = 3
BETWEEN_LOOKS_SECONDS = 0.15

_UNDONE = {
    "orders on their way": "SELECT order_id FROM orders WHERE status IN"
    " ('queued', 'pending_payment', 'paid', 'refunding')",
    "notices nobody acted on": "SELECT notice_id FROM payment_notices WHERE verdict = 'accepted'"
    " AND kind = 'payment' AND handled_at IS NULL",
    "deliveries owed": "SELECT order_id FROM deliveries WHERE status = 'pending'",
    "refunds not done": "SELECT refund_id FROM refunds WHERE status IN ('requested', 'accepted')",
}


class NeverIdle(AssertionError):
    """The message names what goes on and on."""


async def until_idle(system: WholeSystem) -> None:
    """Returns when the system is idle; raises NeverIdle when it is not in time."""
    client, deadline, looks = await connect_temporal(), time.monotonic() + IDLE_WITHIN_SECONDS, 0
    while looks < LOOKS_IN_A_ROW:
        left = await undone(system, client)
        looks = 0 if left else looks + 1
        if time.monotonic() > deadline:
            raise NeverIdle(f"not idle after {IDLE_WITHIN_SECONDS:.0f} s: {left}")
        await asyncio.sleep(BETWEEN_LOOKS_SECONDS)


async def undone(system: WholeSystem, client: Client) -> dict[str, list[str]]:
    """What is not at its end, by kind; empty when there is nothing."""
    left = await _rows(system)
    intents = Intents(system.redis)
    for item in await intents.items():
        backlog = await backlog_of(system.redis, item)
        if backlog.waiting or backlog.pending:
            left["intents"] = [str(backlog)]
    if running := [workflow.id async for workflow in client.list_workflows(AT_WORK)]:
        left["workflows"] = running
    return left


async def _rows(system: WholeSystem) -> dict[str, list[str]]:
    left = {}
    async with system.database.transaction() as connection:
        for what, query in _UNDONE.items():
            if found := (await connection.execute(text(query))).scalars().all():
                left[what] = [str(name) for name in found]
    return left


async def audit_when_idle(system: WholeSystem) -> None:
    """Waits until the system is idle; then every check of the audit must hold."""
    await until_idle(system)
    await system.assert_audit_holds()
