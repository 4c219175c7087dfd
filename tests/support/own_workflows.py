"""The audit looks at every running workflow, and the session's Temporal has those of other tests
too: seen through this, only those of one shop run."""

from collections.abc import AsyncIterator

from domain.ids import order_id_of_workflow
from tests.support.shop import Shop
from workflow_client import WorkflowClient


class OwnWorkflows(WorkflowClient):
    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.client, shop.settings.task_queue)
        self._shop = shop

    async def running_orders(self) -> AsyncIterator[str]:
        ours = {name async for name in self._running()}
        async for order_id in super().running_orders():
            if order_id in ours:
                yield order_id

    async def failing(self) -> AsyncIterator[tuple[str, str]]:
        ours = {name async for name in self._running()}
        async for name, problem in super().failing():
            if order_id_of_workflow(name) in ours:
                yield name, problem

    async def _running(self) -> AsyncIterator[str]:
        queue = self._shop.settings.task_queue
        query = f"TaskQueue = '{queue}' AND ExecutionStatus = 'Running'"
        async for workflow in self._shop.client.list_workflows(query):
            yield order_id_of_workflow(workflow.id)
