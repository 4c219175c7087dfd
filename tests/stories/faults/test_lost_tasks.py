"""A workflow task is lost after a local activity of it had its effect, and the workflow goes
another way: what the activity did is in no history, and still counts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.ids import workflow_id
from domain.payment import PaymentMethod, PaymentScene
from domain.reservation import Intent
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.engine import Database
from infra.temporal.client import DATA_CONVERTER
from tests.support.branches import Handle
from tests.support.cut_wire import CutWire, cut_wire
from tests.support.shop import Shop, open_shop
from tests.support.unlucky_branches import (
    begun_in_a_lost_task,
    settled_in_a_lost_task,
    until_it_waits,
)
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment, ExtendDeadline

PAY_WINDOW = timedelta(seconds=4)
# A task that nobody completes is given to another worker after this long.
TASK_TIMEOUT = timedelta(seconds=6)


class CutsAfter(Interceptor):
    """The worker is heard no more once it has carried out this step."""

    def __init__(self, wire: CutWire, step: str) -> None:
        self.wire, self.step = wire, step
        self.struck = asyncio.Event()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Cutting(next, self)


class _Cutting(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, cuts: CutsAfter) -> None:
        super().__init__(next)
        self._cuts = cuts

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        result = await super().execute_activity(input)
        if activity.info().activity_type == self._cuts.step and not self._cuts.wire.is_cut:
            self._cuts.wire.cut()
            self._cuts.struck.set()
        return result


@asynccontextmanager
async def _a_worker_that_dies(
    shop: Shop, temporal_client: Client, step: str
) -> AsyncIterator[CutsAfter]:
    """Its end is not waited for: it has nobody to take leave of."""
    async with cut_wire(temporal_client.service_client.config.target_host) as wire:
        client = await Client.connect(wire.address, data_converter=DATA_CONVERTER)
        cuts = CutsAfter(wire, step)
        theirs = Shop(
            database=shop.database,
            redis=shop.redis,
            gate=shop.gate,
            client=client,
            sale=shop.sale,
            alipay=shop.alipay,
            wechatpay=shop.wechatpay,
            sender=shop.sender,
            settings=shop.settings,
        )
        serving = asyncio.create_task(_serve(theirs, cuts))
        try:
            yield cuts
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError, RPCError, RuntimeError):
                await asyncio.wait_for(serving, 20)


async def _serve(shop: Shop, cuts: CutsAfter) -> None:
    async with shop.worker(
        interceptors=[cuts], graceful_shutdown_timeout=timedelta(milliseconds=1)
    ):
        await asyncio.Event().wait()


async def _start(shop: Shop, intent: Intent) -> Handle:
    return await shop.client.start_workflow(
        OrderWorkflow.run,
        intent,
        id=workflow_id(intent.order_id),
        task_queue=shop.settings.task_queue,
        task_timeout=TASK_TIMEOUT,
    )


async def test_a_payment_begun_in_a_task_that_is_lost_is_closed_or_counts(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    """Its update comes again once the buyer's time is over, and is refused: nothing in the history
    tells of the payment, which its buyer has paid."""
    async with open_shop(database, redis, temporal_client, pay_window=PAY_WINDOW) as shop:
        async with _a_worker_that_dies(shop, temporal_client, "begin_payment") as cuts:
            handle = await _start(shop, intent := await shop.intent())
            await until_it_waits(shop, intent)
            asked = asyncio.create_task(_begin_with_a_link(handle))
            await asyncio.wait_for(cuts.struck.wait(), 30)
            (payment,) = (await shop.dossier(intent.order_id)).payments
            shop.alipay.pay(payment.payment_id)
        async with shop.worker():
            outcome = await asyncio.wait_for(handle.result(), 60)
        with pytest.raises((WorkflowUpdateFailedError, RPCError)):
            await asked

        assert outcome.status is OrderStatus.FULFILLED
        assert "begin_payment" not in (await handle.fetch_history()).to_json()
        assert await shop.counts() == (4, 0, 1, 4)


async def _begin_with_a_link(handle: WorkflowHandle[OrderWorkflow, Any]) -> None:
    link = BeginPayment(method=PaymentMethod.ALIPAY, scene=PaymentScene.PAGE, actor="buyer:ada")
    await handle.execute_update(OrderWorkflow.begin_payment, link)


async def test_an_extension_is_in_the_history_before_it_is_in_postgres(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    async with open_shop(database, redis, temporal_client) as shop:
        async with _a_worker_that_dies(shop, temporal_client, "extend_deadline") as cuts:
            handle = await _start(shop, intent := await shop.intent())
            await until_it_waits(shop, intent)
            update = ExtendDeadline(seconds=60, actor="operator:eve", reason="")
            asked = asyncio.create_task(
                handle.execute_update(OrderWorkflow.extend_deadline, update)
            )
            await asyncio.wait_for(cuts.struck.wait(), 30)
            # Not the update, which has the same name and is in no history before it is answered.
            told = [
                event.activity_task_scheduled_event_attributes.activity_type.name
                for event in (await handle.fetch_history()).events
            ]
            assert "extend_deadline" in told
        async with shop.worker():
            answer = await asyncio.wait_for(asked, 60)
            assert (await shop.dossier(intent.order_id)).order.pay_deadline == answer
            await shop.cancel(handle)


# The same, told to the stores as a lost task would have told them.


async def test_an_order_that_is_paid_in_postgres_is_never_ended_as_unpaid(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    await until_it_waits(shop, intent)
    await settled_in_a_lost_task(shop, intent.order_id)

    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await shop.cancel(handle)

    assert getattr(failure.value.cause, "type", "") == "INVALID_STATE"
    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await shop.counts() == (4, 0, 1, 4)


async def test_a_payment_nobody_paid_is_closed_at_its_provider_although_nobody_knew_of_it(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await shop.start(intent := await shop.intent())
    await until_it_waits(shop, intent)
    payment = await begun_in_a_lost_task(shop, intent.order_id)

    assert (await handle.result()).status is OrderStatus.TIMED_OUT

    assert payment.payment_id in shop.alipay.closed
    (closed,) = (await shop.dossier(intent.order_id)).payments
    assert closed.status is PaymentStatus.CLOSED
    assert await shop.counts() == (5, 0, 0, 5)
