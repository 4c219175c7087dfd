"""Whatever step fails, and however, each order ends where it should and the audit holds."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

from domain.payment import PaymentMethod, PaymentScene
from domain.reservation import Intent
from domain.states import OrderStatus
from infra.postgres.engine import Database
from tests.support.ahead_branches import ORDER_BRANCHES
from tests.support.branches import Branch, Handle, TooLateToPay
from tests.support.faults import Fault, FaultPlan
from tests.support.polling import until
from tests.support.shop import POINTS_PRICE, Shop, open_shop
from tests.support.sound_sale import findings
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment

STOCK = 200
# A worker that is stopped before all have failed may never stop: so long is waited for them.
PATIENCE = 150.0


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
    for branch in ORDER_BRANCHES:
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
    paid = sum(order.status == "fulfilled" for order in orders)
    # The rejected branch fills each buyer's limit with orders that stay reserved in Redis only.
    fillers = sum(shop.item.per_user_limit * len(b.steps) for b in ORDER_BRANCHES if not b.accepted)
    await _expect_stock_to_agree(shop, orders_paid=paid, fillers=fillers)


async def _end_of(case: Case) -> str:
    try:
        return (await case.handle.result()).status
    except WorkflowFailureError as error:
        return f"failed: {error.cause!r} <- {error.cause.__cause__!r}"


async def _expect_stock_to_agree(shop: Shop, *, orders_paid: int, fillers: int) -> None:
    available, held, sold, left = await shop.counts()
    assert (held, sold, left) == (0, orders_paid, available - fillers)


@pytest.mark.long
@pytest.mark.timeout(240)
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


async def test_a_payment_that_was_never_begun_and_is_given_up_holds_nothing_up(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    """The gateway has never heard of it, and must let it be closed."""
    faults = FaultPlan()
    async with (
        open_shop(database, redis, temporal_client, stock=STOCK) as shop,
        shop.worker(interceptors=[faults]),
    ):
        cases = [
            (way, cancels, await _start_to_be_given_up(shop, faults, f"{way}-{cancels}"))
            for way in PaymentMethod
            for cancels in (True, False)
        ]
        await asyncio.gather(*(_give_up(shop, *case) for case in cases))

        ends = [(await handle.result()).status for _, _, handle in cases]
        assert ends == [
            OrderStatus.CANCELLED if cancels else OrderStatus.TIMED_OUT for _, cancels, _ in cases
        ]
        assert faults.struck == faults.planned.keys()
        await _expect_stock_to_agree(shop, orders_paid=0, fillers=0)
        assert await findings(database) == {}


async def _start_to_be_given_up(shop: Shop, faults: FaultPlan, user_id: str) -> Handle:
    await shop.grant_points(user_id, POINTS_PRICE)
    intent = await shop.intent(user_id)
    faults.plan(intent.order_id, "begin_payment", Fault.GIVEN_UP)
    return await shop.start(intent)


async def _give_up(shop: Shop, way: PaymentMethod, cancels: bool, handle: Handle) -> None:
    with pytest.raises(WorkflowUpdateFailedError):
        if way is PaymentMethod.POINTS:
            await shop.pay_with_points(handle)
        else:
            page = BeginPayment(method=way, scene=PaymentScene.PAGE, actor="buyer:ada")
            await handle.execute_update(OrderWorkflow.begin_payment, page)
    if cancels:
        await shop.cancel(handle)
    else:
        await shop.run_out_of_time(handle)


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_step_that_fails_until_the_worker_is_restarted_changes_no_end(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    faults = FaultPlan()
    async with open_shop(database, redis, temporal_client, stock=STOCK) as shop:
        second = timedelta(seconds=1)
        async with shop.worker(interceptors=[faults], graceful_shutdown_timeout=second):
            cases = await _start_all(shop, faults, Fault.ALWAYS)
            driving = [asyncio.create_task(_drive(shop, case)) for case in cases]
            await until(
                lambda: faults.struck == faults.planned.keys(), "every fault", seconds=PATIENCE
            )
        async with shop.worker():
            await asyncio.gather(*driving)
            await _expect_the_planned_ends(shop, faults, cases)
