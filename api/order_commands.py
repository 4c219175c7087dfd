"""What the API says to an order's workflow, and how its answers become the contract's."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import ErrorCode, Refusal
from domain.ids import workflow_id
from domain.payment import Payment, PaymentMethod, PaymentScene
from domain.states import OrderStatus
from workflows.order import OrderWorkflow
from workflows.updates import (
    BeginPayment,
    CancelOrder,
    DecideDelivery,
    ExtendDeadline,
    PayWithPoints,
    RecheckPayment,
)

log = structlog.get_logger()

# The server holds an update until a worker takes it: this is how long we wait for that worker.
ACCEPT_SECONDS = 5.0
OFFER_SECONDS = 20.0
CANCEL_SECONDS = 5.0
RECHECK_SECONDS = 10.0
DELIVERY_SECONDS = 10.0
PING_SECONDS = 1.0

_CODES = frozenset(ErrorCode.__members__)
StatusOf = Callable[[str], Awaitable[OrderStatus | None]]


class OrderCommands:
    def __init__(self, client: Client, status_of: StatusOf) -> None:
        self._client = client
        self._status_of = status_of

    async def begin_payment(
        self, order_id: str, method: PaymentMethod, scene: PaymentScene, actor: str
    ) -> Payment:
        """Raises Refusal: INVALID_STATE, INVALID, NOT_FOUND or UNAVAILABLE."""
        command = BeginPayment(method=method, scene=scene, actor=actor)
        payment: Payment | None = await self._update(
            order_id, OrderWorkflow.begin_payment, command, OFFER_SECONDS
        )
        if payment is None:
            raise Refusal(ErrorCode.UNAVAILABLE, "the provider takes long; ask again")
        return payment

    async def pay_with_points(self, order_id: str, actor: str) -> Payment:
        """Raises Refusal: as begin_payment, and INSUFFICIENT_POINTS."""
        command = PayWithPoints(actor=actor)
        payment: Payment | None = await self._update(
            order_id, OrderWorkflow.pay_with_points, command, OFFER_SECONDS
        )
        if payment is None:
            raise Refusal(ErrorCode.UNAVAILABLE, "paying takes long; look at the order")
        return payment

    async def cancel(self, order_id: str, actor: str, reason: str) -> None:
        """Returns when the order is cancelled, or before if that takes long."""
        command = CancelOrder(actor=actor, reason=reason)
        await self._update(order_id, OrderWorkflow.cancel, command, CANCEL_SECONDS)

    async def extend(self, order_id: str, seconds: int, actor: str, reason: str) -> None:
        command = ExtendDeadline(seconds=seconds, actor=actor, reason=reason)
        await self._update(order_id, OrderWorkflow.extend_deadline, command, CANCEL_SECONDS)

    async def recheck(self, order_id: str, actor: str) -> None:
        """Ask the providers now; returns when they answered, or before if that takes long."""
        command = RecheckPayment(actor=actor)
        await self._update(order_id, OrderWorkflow.recheck_payment, command, RECHECK_SECONDS)

    async def retry_delivery(
        self, order_id: str, decision: DecideDelivery, late_workflow: str | None
    ) -> None:
        """Returns when it was tried, or before if that takes long. `late_workflow`: who may be
        asked instead when the order's own workflow is over."""
        update = OrderWorkflow.retry_delivery
        await self._decide_delivery(order_id, update, decision, late_workflow)

    async def skip_delivery(
        self, order_id: str, decision: DecideDelivery, late_workflow: str | None
    ) -> None:
        update = OrderWorkflow.skip_delivery
        await self._decide_delivery(order_id, update, decision, late_workflow)

    async def _decide_delivery(
        self, order_id: str, update: Any, decision: DecideDelivery, late_workflow: str | None
    ) -> None:
        try:
            await self._update(order_id, update, decision, DELIVERY_SECONDS)
        except Refusal as refusal:
            if refusal.code is not ErrorCode.INVALID_STATE or late_workflow is None:
                raise
            await self._update(
                order_id, update, decision, DELIVERY_SECONDS, workflow_name=late_workflow
            )

    async def ping(self) -> None:
        """Raises when Temporal does not answer."""
        async with asyncio.timeout(PING_SECONDS):
            await self._client.service_client.check_health(timeout=timedelta(seconds=PING_SECONDS))

    async def _update(
        self,
        order_id: str,
        update: Any,
        command: Any,
        patience: float,
        *,
        workflow_name: str | None = None,
    ) -> Any:
        """None when the update was taken but has not answered in time."""
        handle = self._client.get_workflow_handle(workflow_name or workflow_id(order_id))
        try:
            # The client connects at its first call and would wait for that without end.
            async with asyncio.timeout(ACCEPT_SECONDS + 1):
                taken = await handle.start_update(
                    update,
                    command,
                    wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                    rpc_timeout=timedelta(seconds=ACCEPT_SECONDS),
                )
        except WorkflowUpdateFailedError as error:
            raise refusal_in(error) from error
        except RPCError as error:
            raise await self._refusal_for(order_id, error) from error
        except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError, RuntimeError) as error:
            raise _away(order_id, error) from error
        return await self._answer(order_id, taken, patience)

    async def _answer(self, order_id: str, taken: Any, patience: float) -> Any:
        try:
            return await taken.result(rpc_timeout=timedelta(seconds=patience))
        except WorkflowUpdateFailedError as error:
            raise refusal_in(error) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            log.warning("update_takes_long", order_id=order_id)
            return None
        except RPCError as error:
            raise await self._refusal_for(order_id, error) from error

    async def _refusal_for(self, order_id: str, error: RPCError) -> Refusal:
        """No running workflow: then the order's own state says why."""
        if error.status is not RPCStatusCode.NOT_FOUND:
            return _away(order_id, error)
        status = await self._status_of(order_id)
        if status is None:
            return Refusal(ErrorCode.NOT_FOUND, "no such order")
        return Refusal(ErrorCode.INVALID_STATE, f"the order is {status}", order_status=status)


def _away(order_id: str, error: BaseException) -> Refusal:
    log.warning("workflow_unreachable", order_id=order_id, error=repr(error)[:200])
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
