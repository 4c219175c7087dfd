"""Whatever step fails, and however, each order ends where it should and the audit holds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.client import Client, WorkflowFailureError

from domain.reservation import Intent
from domain.states import OrderStatus
from infra.postgres.engine import Database
from tests.branches import BRANCHES, Branch, Handle, TooLateToPay
from tests.faults import Fault, FaultPlan
from tests.shop import Shop, open_shop

STOCK = 200
PAY_WINDOW = timedelta(seconds=3)


@dataclass
class Case:
    branch: Branch
    step: str
    intent: Intent
    handle: Handle
    ends: frozenset[OrderStatus]

    def __str__(self) -> str:
        return f"{self.branch.name}: {self.step}"


@pytest.fixture
async def shop(database: Database, redis: Redis, temporal_client: Client) -> AsyncIterator[Shop]:
    async with open_shop(
        database, redis, temporal_client, stock=STOCK, pay_window=PAY_WINDOW
    ) as opened:
        yield opened


async def _start_all(shop: Shop, faults: FaultPlan, fault: Fault) -> list[Case]:
    cases = []
    for branch in BRANCHES:
        for step in branch.steps:
            intent = await branch.intent(shop, f"{branch.name}-{step}")
            faults.plan(intent.order_id, step, fault)
            # What works again only after the deadline leaves the buyer nothing to pay.
            unpayable = fault is Fault.ALWAYS and step in ("place_order", "begin_payment")
            ends = {branch.end, OrderStatus.TIMED_OUT} if unpayable else {branch.end}
            cases.append(Case(branch, step, intent, await shop.start(intent), frozenset(ends)))
    return cases


async def _drive(shop: Shop, cases: list[Case]) -> None:
    await asyncio.gather(*(_drive_one(shop, case) for case in cases))


async def _drive_one(shop: Shop, case: Case) -> None:
    with contextlib.suppress(TooLateToPay):
        await case.branch.drive(shop, case.intent, case.handle)


async def _expect_the_planned_ends(shop: Shop, faults: FaultPlan, cases: list[Case]) -> None:
    ends = {str(case): await _end_of(case) for case in cases}
    assert {str(case): ends[str(case)] for case in cases if ends[str(case)] not in case.ends} == {}
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
async def test_a_step_that_fails_once_changes_no_end(shop: Shop, fault: Fault) -> None:
    faults = FaultPlan()
    async with shop.worker(interceptors=[faults]):
        cases = await _start_all(shop, faults, fault)
        await _drive(shop, cases)
        await _expect_the_planned_ends(shop, faults, cases)


async def test_a_step_that_fails_until_the_worker_is_restarted_changes_no_end(shop: Shop) -> None:
    faults = FaultPlan()
    async with shop.worker(interceptors=[faults], graceful_shutdown_timeout=timedelta(seconds=1)):
        cases = await _start_all(shop, faults, Fault.ALWAYS)
        driving = asyncio.create_task(_drive(shop, cases))
        async with asyncio.timeout(30):
            while faults.struck != faults.planned.keys():
                await asyncio.sleep(0.1)
    async with shop.worker():
        await driving
        await _expect_the_planned_ends(shop, faults, cases)
