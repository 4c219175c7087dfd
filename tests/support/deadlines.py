"""The end of a buyer's time to pay, when a test wants it and not when a clock does."""

import asyncio
from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError

from workflows.order import OrderWorkflow
from workflows.updates import ExtendDeadline


async def run_out_of_time(handle: WorkflowHandle[OrderWorkflow, Any], window_seconds: int) -> None:
    """Take the whole window back. So nothing depends on how much of its window a slow machine
    needs."""
    await extend(handle, -window_seconds)


async def extend(handle: WorkflowHandle[OrderWorkflow, Any], seconds: int) -> None:
    """As soon as payment is waited for; or return when the order has ended."""
    update = ExtendDeadline(seconds=seconds, actor="operator:eve", reason="bank is down")
    while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        try:
            await handle.execute_update(OrderWorkflow.extend_deadline, update)
            return
        except (RPCError, WorkflowUpdateFailedError):
            await asyncio.sleep(0.1)
