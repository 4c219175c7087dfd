"""A step of a delivery fails once, and still each thing is delivered once."""

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from domain.states import OrderStatus
from infra.postgres.engine import Database
from tests.support.delivering import (
    RETRY,
    TRIES,
    attentions,
    expect_each_once,
)
from tests.support.faults import Fault, FaultPlan
from tests.support.shop import open_shop
from tests.support.skipping import left_to_a_person
from workflows.order import OrderWorkflow


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
@pytest.mark.parametrize(
    "step", ["carry_out", "deliver_one", "give_up_delivery", "skip_delivery", "fulfil"]
)
async def test_each_is_delivered_once_though_a_step_fails(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment, step: str, fault: Fault
) -> None:
    faults = FaultPlan()
    async with (
        open_shop(database, redis, time_skipping.client) as shop,
        shop.worker(interceptors=[faults]),
    ):
        handle = await shop.start(intent := await shop.intent())
        faults.plan(intent.order_id, step, fault)
        shop.sender.fails[intent.order_id] = TRIES if step != "skip_delivery" else 100
        await shop.pay(handle)
        waits = await left_to_a_person(time_skipping, handle)
        decision = OrderWorkflow.skip_delivery if step == "skip_delivery" else None
        if waits:
            await handle.execute_update(decision or OrderWorkflow.retry_delivery, RETRY)

        assert (await handle.result()).status is OrderStatus.FULFILLED
        assert faults.struck == faults.planned.keys()
        if not decision:
            await expect_each_once(shop, handle)
        assert [one for one in await attentions(shop) if one.resolved_at is None] == []
