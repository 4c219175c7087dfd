"""The workflows of orders as Temporal lists them, and those that do nothing, to compare with."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.buyers import at_once
from bench.noop_worker import TASK_QUEUE
from bench.noop_workflow import NoopWorkflow
from domain.ids import workflow_id

POLL_SECONDS = 0.05
_STARTED = "WorkflowType = 'OrderWorkflow'"
_RUNNING = f"{_STARTED} AND ExecutionStatus = 'Running'"


class WorkflowsSeen:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def started(self) -> int:
        """All order workflows there ever were on this server."""
        return (await self._client.count_workflows(_STARTED)).count

    async def until_started(self, count: int) -> float:
        """When there were so many, by `time.perf_counter`."""

        async def all_started() -> bool:
            return await self.started() >= count

        return await _until(all_started)

    async def until_none_runs(self) -> float:
        """What is left of one round must not burden the next."""

        async def none_runs() -> bool:
            return (await self._client.count_workflows(_RUNNING)).count == 0

        return await _until(none_runs)

    async def do_nothing(self, count: int) -> None:
        """So many workflows that return at once, on a worker with the options of ours."""
        name = f"noop-{time.time_ns()}"

        async def one(number: int) -> None:
            await self._client.execute_workflow(
                NoopWorkflow.run, number, id=f"{name}-{number}", task_queue=TASK_QUEUE
            )

        await at_once(one, range(count))

    async def history(self, order_id: str) -> dict[str, int]:
        """The event types in the history of an order's workflow, when it has ended."""
        handle = self._client.get_workflow_handle(workflow_id(order_id))
        await handle.result()
        history = await handle.fetch_history()
        names = (EventType.Name(event.event_type) for event in history.events)
        return dict(Counter(name.removeprefix("EVENT_TYPE_") for name in names))


async def _until(reached: Callable[[], Awaitable[bool]]) -> float:
    while not await reached():  # noqa: ASYNC110 - other processes give no event
        await asyncio.sleep(POLL_SECONDS)
    return time.perf_counter()
