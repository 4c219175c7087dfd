"""Whatever step fails, and however, each order ends where it should and the audit holds."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.client import Client, WorkflowFailureError

from domain.reservation import Intent
from infra.postgres.engine import Database
from tests.support.branches import BRANCHES, Branch, Handle, TooLateToPay
from tests.support.faults import Fault, FaultPlan
from tests.support.shop import Shop, open_shop

STOCK = 200


@dataclass
class Case:
    branch: Branch
    step: str
    intent: Intent
    handle: Handle

    def __str__(self) -> str:
        return f"{self.branch.name}: {self.step}"


async def _start_all(shop: Shop, faults: FaultPlan, fault: Fault) -> list[Case]:
    cases = []
    for branch in BRANCHES:
        for step in branch.steps:
            intent = await branch.intent(shop, f"{branch.name}-{step}")
            faults.plan(intent.order_id, step, fault)
            cases.append(Case(branch, step, intent, await shop.start(intent)))
    return cases


async def _drive(shop: Shop, case: Case) -> None:
    with contextlib.suppress(TooLateToPay):
        await case.branch.drive(shop, case.intent, case.handle)
    if case.branch.waits_for_the_clock:
        await shop.run_out_of_time(case.handle)


async def _expect_the_planned_ends(shop: Shop, faults: FaultPlan, cases: list[Case]) -> None:
    ends = {str(case): await _end_of(case) for case in cases}
    assert ends == {str(case): case.branch.end for case in cases}
    assert faults.struck == faults.planned.keys()
    orders = [(await shop.dossier(case.intent.order_id)).order for case in cases]
    assert [order.status for order in orders] == list(ends.values())
    await _expect_stock_to_agree(shop, orders_paid=sum(o.status == "fulfilled" for o in orders))


async def _end_of(case: Case) -> str:
    try:
        return (await case.handle.result()).status
    except WorkflowFailureError as error:
        return f"failed: {error.cause!r} <- {error.cause.__cause__!r}"


async def _expect_stock_to_agree(shop: Shop, orders_paid: int) -> None:
    # The rejected branch fills each buyer's limit with orders that stay reserved in Redis only.
    fillers = sum(shop.item.per_user_limit * len(b.steps) for b in BRANCHES if not b.accepted)
    available, held, sold, left = await shop.counts()
    assert (held, sold, left) == (0, orders_paid, available - fillers)


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_a_step_that_fails_once_changes_no_end(
    database: Database, redis: Redis, temporal_client: Client, fault: Fault
) -> None:
    faults = FaultPlan()
    async with (
        open_shop(database, redis, temporal_client, stock=STOCK) as shop,
        shop.worker(interceptors=[faults]),
    ):
        cases = await _start_all(shop, faults, fault)
        await asyncio.gather(*(_drive(shop, case) for case in cases))
        await _expect_the_planned_ends(shop, faults, cases)


async def test_a_step_that_fails_until_the_worker_is_restarted_changes_no_end(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    faults = FaultPlan()
    async with open_shop(database, redis, temporal_client, stock=STOCK) as shop:
        second = timedelta(seconds=1)
        async with shop.worker(interceptors=[faults], graceful_shutdown_timeout=second):
            cases = await _start_all(shop, faults, Fault.ALWAYS)
            driving = [asyncio.create_task(_drive(shop, case)) for case in cases]
            async with asyncio.timeout(40):
                while faults.struck != faults.planned.keys():
                    await asyncio.sleep(0.05)
        async with shop.worker():
            await asyncio.gather(*driving)
            await _expect_the_planned_ends(shop, faults, cases)
