"""When a town has come to rest."""

import asyncio
import time

from sqlalchemy import text
from temporalio.client import Client

from infra.redis.intents import Intents
from infra.temporal.client import connect_temporal
from tests.support.gate import backlog_of
from tests.support.town import Town

AT_WORK = "ExecutionStatus = 'Running' AND WorkflowType IN ('OrderWorkflow', 'RefundWorkflow')"
QUIET_SECONDS = 60.0
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


class NoRest(AssertionError):
    """The message names what goes on and on."""


async def until_quiet(town: Town) -> None:
    """Returns when nobody works on anything and nothing waits to be worked on. Raises NoRest."""
    client, deadline, looks = await connect_temporal(), time.monotonic() + QUIET_SECONDS, 0
    while looks < LOOKS_IN_A_ROW:
        left = await undone(town, client)
        looks = 0 if left else looks + 1
        if time.monotonic() > deadline:
            raise NoRest(f"no rest after {QUIET_SECONDS:.0f} s: {left}")
        await asyncio.sleep(BETWEEN_LOOKS_SECONDS)


async def undone(town: Town, client: Client) -> dict[str, list[str]]:
    """What is not at its end, by kind; empty when there is nothing."""
    left = await _rows(town)
    intents = Intents(town.redis)
    for item in await intents.items():
        backlog = await backlog_of(town.redis, item)
        if backlog.waiting or backlog.pending:
            left["intents"] = [str(backlog)]
    if running := [workflow.id async for workflow in client.list_workflows(AT_WORK)]:
        left["workflows"] = running
    return left


async def _rows(town: Town) -> dict[str, list[str]]:
    left = {}
    async with town.database.transaction() as connection:
        for what, query in _UNDONE.items():
            if found := (await connection.execute(text(query))).scalars().all():
                left[what] = [str(name) for name in found]
    return left


async def rest_and_audit(town: Town) -> None:
    """Waits until the town has come to rest; then all its books must agree."""
    await until_quiet(town)
    await town.assert_audit_holds()
