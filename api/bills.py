"""Bill reconciliation as operators ask for it: started, or found running, and waited for a bit."""

import asyncio
from datetime import date, timedelta

import structlog
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from domain.errors import ErrorCode, Refusal
from domain.payment import PaymentMethod
from workflows.bills import (
    BillsOutcome,
    ReconcileBills,
    ReconcileBillsWorkflow,
    bills_workflow_id,
)

log = structlog.get_logger()

START_SECONDS = 5.0
ANSWER_SECONDS = 5.0

Run = WorkflowHandle[ReconcileBillsWorkflow, BillsOutcome]


class BillDesk:
    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def reconcile(
        self, day: date, method: PaymentMethod | None, actor: str
    ) -> tuple[str, BillsOutcome | None]:
        """The workflow's id, and the outcome if it ends in a few seconds; a run of this day that
        is under way is joined. Raises Refusal(UNAVAILABLE)."""
        run = await self._start(ReconcileBills(day=day, method=method), actor)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return run.id, await run.result()
        except WorkflowFailureError as error:
            raise Refusal(ErrorCode.UNAVAILABLE, "the reconciliation was ended") from error
        except (TimeoutError, RPCError):
            return run.id, None

    async def _start(self, command: ReconcileBills, actor: str) -> Run:
        if command.day is None:
            raise ValueError("an operator names the day")
        try:
            # The client connects at its first call and would wait for that without end.
            async with asyncio.timeout(START_SECONDS):
                return await self._client.start_workflow(
                    ReconcileBillsWorkflow.run,
                    command,
                    id=bills_workflow_id(command.day, command.method),
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary=f"bills of {command.day}, asked for by {actor}",
                    rpc_timeout=timedelta(seconds=START_SECONDS),
                )
        except (RPCError, RuntimeError, TimeoutError) as error:
            log.warning("bills_not_started", day=str(command.day), error=repr(error)[:200])
            raise Refusal(ErrorCode.UNAVAILABLE, "this cannot be started right now") from error
