"""How the API talks to workflows: starts them, updates them, waits a while for the answer."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as RPCTimeout
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.types import MethodAsyncSingleParam
from temporalio.workflow import UpdateMethodMultiParam

from domain.errors import ErrorCode, Refusal
from domain.reservation import Intent
from workflow_client import starting

log = structlog.get_logger()

START_SECONDS = 3.0
PING_SECONDS = 1.0
# The client connects at its first call, and would wait for that without end.
CONNECT_SECONDS = 1.0

# What Temporal says of the limit `history.maxTotalUpdates`, 2,000 where nobody set it.
_UPDATES_USED_UP = "total number of distinct updates"

_CODES = frozenset(ErrorCode.__members__)

T = TypeVar("T")
Argument = TypeVar("Argument")


class NotRunning(Exception):
    """No such workflow, or one that has ended."""


class NoAnswerYet(Exception):
    """The update was taken and will be answered, but later than the caller waits."""


class NotTaken(NoAnswerYet):
    """No worker took the update in time. Temporal keeps only what was taken: it may be lost."""


class NoMoreUpdates(Exception):
    """The workflow answered all the updates that Temporal lets one run answer. It goes on by
    itself, and hears signals, but will never again be told anything this way."""


class WorkflowCalls:
    """Every call but `ping` and `count` raises Refusal(UNAVAILABLE) while Temporal is away."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def count(self, query: str) -> int:
        """Workflows that a query of the visibility store finds, a moment late. Raises RPCError,
        RuntimeError or TimeoutError while Temporal is away."""
        async with asyncio.timeout(PING_SECONDS + CONNECT_SECONDS):
            wanted = timedelta(seconds=PING_SECONDS)
            return (await self._client.count_workflows(query, rpc_timeout=wanted)).count

    async def start(
        self,
        run: MethodAsyncSingleParam[Any, Argument, T],
        argument: Argument,
        *,
        workflow_id: str,
        summary: str,
    ) -> WorkflowHandle[Any, T]:
        """Start a workflow, or find the one that runs under this id already."""
        try:
            async with asyncio.timeout(START_SECONDS + CONNECT_SECONDS):
                return await self._client.start_workflow(
                    run,
                    argument,
                    id=workflow_id,
                    task_queue=self._task_queue,
                    # Asked for twice at one moment, it is made once, and nobody hears an error.
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary=summary,
                    rpc_timeout=timedelta(seconds=START_SECONDS),
                )
        except (RPCError, RuntimeError, TimeoutError) as error:
            log.warning("workflow_not_started", workflow_id=workflow_id, error=repr(error)[:200])
            detail = "this cannot be started right now; try again"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error

    async def update(
        self,
        workflow_id: str,
        update: UpdateMethodMultiParam[..., T],
        *arguments: object,
        taken_within: float,
        answered_within: float,
        start: Intent | None = None,
    ) -> T:
        """The answer of a running workflow; with `start` an order's is started if it does not run,
        which is for an order alone that was just read as in hand.

        Waits `taken_within` seconds until a worker takes the update, and then `answered_within`
        seconds for the answer.

        Raises Refusal as the workflow does, NotRunning, NotTaken, NoAnswerYet or NoMoreUpdates.
        """
        taken = await self._taken(workflow_id, update, arguments, taken_within, start)
        try:
            # All together: a poll that ends without an answer is followed by another, each with
            # its own time.
            async with asyncio.timeout(answered_within):
                return await taken.result(rpc_timeout=timedelta(seconds=answered_within))
        except (RPCTimeout, TimeoutError) as error:
            log.warning("update_takes_long", workflow_id=workflow_id)
            raise NoAnswerYet from error
        except (WorkflowUpdateFailedError, RPCError) as error:
            raise _failure(workflow_id, error) from error

    async def _taken(
        self,
        workflow_id: str,
        update: UpdateMethodMultiParam[..., T],
        arguments: tuple[object, ...],
        within: float,
        start: Intent | None,
    ) -> WorkflowUpdateHandle[T]:
        terms: dict[str, Any] = {
            "args": arguments,
            "wait_for_stage": WorkflowUpdateStage.ACCEPTED,
            "rpc_timeout": timedelta(seconds=within),
        }
        try:
            # Not execute_update: once the update is taken, that waits without end.
            async with asyncio.timeout(within + CONNECT_SECONDS) as connecting:
                if start is not None:
                    operation = starting(start, self._task_queue)
                    return await self._start_and_update(operation, update, terms)
                handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(workflow_id)
                return await handle.start_update(update, **terms)
        except RPCTimeout as error:
            # The SDK reports a cancelled wait, and so our own timeout, as one of the call.
            if connecting.expired():
                raise _away(workflow_id, error) from error
            raise NotTaken from error
        except (WorkflowUpdateFailedError, RPCError, RuntimeError, TimeoutError) as error:
            raise _failure(workflow_id, error) from error

    async def _start_and_update(
        self,
        operation: WithStartWorkflowOperation[Any, Any],
        update: UpdateMethodMultiParam[..., T],
        terms: dict[str, Any],
    ) -> WorkflowUpdateHandle[T]:
        try:
            return await self._client.start_update_with_start_workflow(
                update, start_workflow_operation=operation, **terms
            )
        except Exception:
            # The operation was told of it as well, and Python complains of what nobody hears.
            with suppress(Exception):
                async with asyncio.timeout(0):
                    await operation.workflow_handle()
            raise

    async def ping(self) -> None:
        """Raises when Temporal does not answer, or does not know our namespace. Its own health
        says only that it listens; this it has to look up in its database."""
        request = DescribeNamespaceRequest(namespace=self._client.namespace)
        limit = timedelta(seconds=PING_SECONDS)
        async with asyncio.timeout(PING_SECONDS):
            await self._client.workflow_service.describe_namespace(request, timeout=limit)


def _failure(workflow_id: str, error: Exception) -> Exception:
    if isinstance(error, WorkflowUpdateFailedError):
        return refusal_in(error)
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        return NotRunning()
    if isinstance(error, RPCError) and _is_used_up(error):
        log.warning("updates_used_up", workflow_id=workflow_id)
        return NoMoreUpdates()
    return _away(workflow_id, error)


def _is_used_up(error: RPCError) -> bool:
    # By the words too: the same status tells of a workflow whose code fails for the moment.
    failed = error.status is RPCStatusCode.FAILED_PRECONDITION
    return failed and _UPDATES_USED_UP in error.message


def _away(workflow_id: str, error: BaseException) -> Refusal:
    log.warning("workflow_unreachable", workflow_id=workflow_id, error=repr(error)[:200])
    return Refusal(ErrorCode.UNAVAILABLE, "orders cannot be changed right now; try again")


def refusal_in(error: WorkflowUpdateFailedError) -> Refusal:
    """The workflow's own no: its type is a code of the contract, its first detail the extras."""
    cause: BaseException | None = error.cause
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type and cause.type in _CODES:
            extra = cause.details[0] if cause.details else {}
            return Refusal(ErrorCode[cause.type], cause.message[:500], **extra)
        cause = cause.__cause__
    return Refusal(ErrorCode.UNAVAILABLE, "the order could not be changed; try again")
