"""A step that fails without end calls a person, once, and stops calling when it succeeds."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.stuck_steps import StuckSteps
from domain.attention import Attention, AttentionKind
from domain.model import Value
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from tests.support.polling import until

OFTEN = RetryPolicy(initial_interval=timedelta(milliseconds=20), backoff_coefficient=1.0)
AT_ONCE = timedelta(0)


class Undo(Value):
    order_id: str


class Flaky:
    """Fails until it is mended, in the way a test wants."""

    def __init__(self) -> None:
        self.mended = asyncio.Event()
        self.error: Exception | None = RuntimeError("the provider says no: isv.invalid-key")

    @activity.defn
    async def undo_something(self, undo: Undo) -> str:
        if self.mended.is_set():
            return "undone"
        if self.error is None:
            await asyncio.sleep(60)
        raise self.error or AssertionError


@workflow.defn
class Undoing:
    @workflow.run
    async def run(self, undo: Undo) -> str:
        return await workflow.execute_activity_method(
            Flaky.undo_something,
            undo,
            start_to_close_timeout=timedelta(seconds=1),
            retry_policy=OFTEN,
        )


@workflow.defn
class TryingThrice:
    @workflow.run
    async def run(self, undo: Undo) -> str:
        return await workflow.execute_activity_method(
            Flaky.undo_something,
            undo,
            start_to_close_timeout=timedelta(seconds=1),
            retry_policy=RetryPolicy(maximum_attempts=3, initial_interval=timedelta(0, 0, 1000)),
        )


class Shop:
    def __init__(self, client: Client, database: Database) -> None:
        self.client, self.database, self.flaky = client, database, Flaky()
        self.queue = f"stuck-{uuid4().hex[:8]}"

    def worker(self, after: timedelta = AT_ONCE) -> Worker:
        return Worker(
            self.client,
            task_queue=self.queue,
            workflows=[Undoing, TryingThrice],
            activities=[self.flaky.undo_something],
            interceptors=[StuckSteps(self.database, after)],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )

    async def attentions(self) -> list[Attention]:
        async with self.database.transaction() as connection:
            return (await Attentions(connection).page(None, 10))[0]

    async def is_called(self) -> bool:
        return bool(await self.attentions())


@pytest.fixture
def shop(temporal_client: Client, database: Database) -> Shop:
    return Shop(temporal_client, database)


async def test_it_names_step_order_and_error_once_and_goes_away_when_the_step_succeeds(
    shop: Shop,
) -> None:
    async with shop.worker():
        handle = await shop.client.start_workflow(
            Undoing.run, Undo(order_id="order-1"), id=shop.queue, task_queue=shop.queue
        )
        await until(shop.is_called)
        await _fails_some_more_times(shop, handle.id)
        [attention] = await shop.attentions()
        assert attention.kind is AttentionKind.STEP_STUCK
        assert attention.order_id == "order-1"
        assert "undo_something" in attention.what
        assert "isv.invalid-key" in attention.what
        assert attention.resolved_at is None

        shop.flaky.mended.set()
        assert await handle.result() == "undone"

    [attention] = await shop.attentions()
    assert attention.resolved_at is not None
    assert attention.resolved_by == "system"


async def test_a_step_that_hangs_calls_too(shop: Shop) -> None:
    shop.flaky.error = None
    async with shop.worker():
        handle = await shop.client.start_workflow(
            Undoing.run, Undo(order_id="order-1"), id=shop.queue, task_queue=shop.queue
        )
        await until(shop.is_called)
        await handle.terminate()

    [attention] = await shop.attentions()
    assert "no answer" in attention.what


async def test_waiting_for_its_turn_is_no_failure(shop: Shop) -> None:
    shop.flaky.error = ApplicationError("not yet", category=ApplicationErrorCategory.BENIGN)
    async with shop.worker():
        handle = await shop.client.start_workflow(
            Undoing.run, Undo(order_id="order-1"), id=shop.queue, task_queue=shop.queue
        )
        await _fails_some_more_times(shop, handle.id)
        shop.flaky.mended.set()
        await handle.result()

    assert await shop.attentions() == []


async def test_nobody_is_called_before_the_time_nor_for_a_step_with_a_bound(shop: Shop) -> None:
    async with shop.worker(after=timedelta(minutes=3)):
        handle = await shop.client.start_workflow(
            Undoing.run, Undo(order_id="order-1"), id=shop.queue, task_queue=shop.queue
        )
        await _fails_some_more_times(shop, handle.id)
        shop.flaky.mended.set()
        await handle.result()
    shop.flaky.mended.clear()
    async with shop.worker():
        bounded = await shop.client.start_workflow(
            TryingThrice.run, Undo(order_id="order-1"), id=f"{shop.queue}-3", task_queue=shop.queue
        )
        with pytest.raises(Exception, match="Workflow execution failed"):
            await bounded.result()

    assert await shop.attentions() == []


async def _fails_some_more_times(shop: Shop, workflow_id: str) -> None:
    async def has_failed() -> bool:
        description = await shop.client.get_workflow_handle(workflow_id).describe()
        pending = description.raw_description.pending_activities
        return bool(pending) and pending[0].attempt > 6

    await until(has_failed)
