"""What Temporal says of workflows, and how to ask about one order."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import order_id_of_workflow, workflow_id

ORDER_WORKFLOW = "OrderWorkflow"
TIMEOUT = timedelta(seconds=10)
ASKED_AT_ONCE = 20


async def running_orders(client: Client) -> AsyncIterator[str]:
    """Orders with a running workflow by Temporal's search, which lags a little behind."""
    query = f'WorkflowType="{ORDER_WORKFLOW}" AND ExecutionStatus="Running"'
    async for workflow in client.list_workflows(query, rpc_timeout=TIMEOUT):
        yield order_id_of_workflow(workflow.id)


async def ended_orders(client: Client, order_ids: Iterable[str]) -> dict[str, str]:
    """Those of the orders whose workflow does not run, and what became of it."""
    names = {workflow_id(order_id): order_id for order_id in order_ids}
    ended = await ended_workflows(client, names)
    return {names[name]: state for name, state in ended.items()}


async def ended_workflows(client: Client, workflow_ids: Iterable[str]) -> dict[str, str]:
    """Those of the workflows that do not run, by their own records and not by the search."""
    few = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(name: str) -> tuple[str, str | None]:
        async with few:
            return name, await _end_of(client, name)

    states = await asyncio.gather(*(ask(name) for name in workflow_ids))
    return {name: state for name, state in states if state is not None}


async def _end_of(client: Client, name: str) -> str | None:
    try:
        workflow = await client.get_workflow_handle(name).describe(rpc_timeout=TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return "does not exist"
    if workflow.status is WorkflowExecutionStatus.RUNNING:
        return None
    return f"has ended ({workflow.status.name.lower()})" if workflow.status else "has ended"
