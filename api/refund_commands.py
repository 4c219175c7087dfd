"""What the API says to refunds' workflows, and how their answers become the contract's."""

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as NoAnswer
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.order_commands import refusal_in
from domain.errors import ErrorCode, Refusal
from domain.refund import Refund, RefundRequest
from workflows.refund import RefundWorkflow
from workflows.refund_updates import DecideRefund

log = structlog.get_logger()

START_SECONDS = 3.0
RECORD_SECONDS = 3.0
DECIDE_SECONDS = 10.0


class RefundCommands:
    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def request(self, request: RefundRequest) -> Refund | None:
        """Start the refund, once however often it is asked for. Answers with what is on record;
        None while that takes long, for it will be made all the same.

        Raises Refusal: INVALID_STATE, or UNAVAILABLE when it could not be started; NotRunning
        when it has ended before it could answer.
        """
        try:
            # The client connects at its first call and would wait for that without end.
            async with asyncio.timeout(START_SECONDS + 1):
                await self._start(request)
        except (RPCError, RuntimeError, TimeoutError) as error:
            log.warning("refund_not_started", refund_id=request.refund_id, error=repr(error)[:200])
            detail = "refunds cannot be started right now; try again"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error
        return await self._update(request.workflow_id, RefundWorkflow.opened, None, RECORD_SECONDS)

    async def retry(self, refund: Refund, actor: str, reason: str) -> Refund | None:
        """Ask the provider again. Raises Refusal."""
        return await self._decide(refund, RefundWorkflow.retry, actor, reason)

    async def resolve(self, refund: Refund, actor: str, reason: str) -> Refund | None:
        """Write down that the money was given back by hand. Raises Refusal."""
        return await self._decide(refund, RefundWorkflow.resolve_by_hand, actor, reason)

    async def _start(self, request: RefundRequest) -> None:
        try:
            await self._client.start_workflow(
                RefundWorkflow.run,
                request,
                id=request.workflow_id,
                task_queue=self._task_queue,
                static_summary=f"{request.reason} of {request.order_id}",
                rpc_timeout=timedelta(seconds=START_SECONDS),
            )
        except WorkflowAlreadyStartedError:
            return

    async def _decide(self, refund: Refund, update: Any, actor: str, reason: str) -> Refund | None:
        command = DecideRefund(actor=actor, reason=reason)
        try:
            return await self._update(refund.workflow_id, update, command, DECIDE_SECONDS)
        except NotRunning:
            detail = f"the refund is {refund.status}, and nobody works on it"
            raise Refusal(ErrorCode.INVALID_STATE, detail) from None

    async def _update(
        self, workflow_id: str, update: Any, command: DecideRefund | None, patience: float
    ) -> Refund | None:
        """None when the update was taken but has not answered in time."""
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(workflow_id)
        args = [] if command is None else [command]
        limit = timedelta(seconds=patience)
        try:
            answer: Refund = await handle.execute_update(update, args=args, rpc_timeout=limit)
        except NoAnswer:
            log.warning("refund_takes_long", workflow_id=workflow_id)
            return None
        except WorkflowUpdateFailedError as error:
            raise refusal_in(error) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotRunning from error
            raise
        return answer


class NotRunning(Exception):
    """No such workflow, or one that has ended."""
