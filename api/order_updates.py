"""What callers may have an order's workflow do, and how its answers become the contract's."""

from contextlib import suppress
from typing import TypeVar

from temporalio.workflow import UpdateMethodMultiParam

from api.auth import Caller
from api.orders import OrderLookup, refuse_unless
from api.schemas.orders import OrderView
from api.workflow_calls import NoAnswerYet, NotRunning, NotTaken, WorkflowCalls
from domain.delivery import DeliveryKind
from domain.errors import ErrorCode, Refusal
from domain.ids import workflow_id
from domain.order import EventKind
from domain.refund import trade_workflow_id
from domain.states import UNFINISHED, DeliveryStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from workflows.order import OrderWorkflow
from workflows.updates import CancelOrder, DecideDelivery, ExtendDeadline, RecheckPayment

# The server holds an update until a worker takes it: this is how long we wait for that worker.
ACCEPT_SECONDS = 5.0
CANCEL_SECONDS = 5.0
EXTEND_SECONDS = 5.0
RECHECK_SECONDS = 10.0
DELIVERY_SECONDS = 10.0

T = TypeVar("T")


class OrderUpdates:
    """Each answers with the order as it is after the update, or before if that takes long.

    Raises Refusal: NOT_FOUND for an order the caller may not see, INVALID_STATE, UNAVAILABLE.
    """

    def __init__(self, workflows: WorkflowCalls, orders: OrderLookup, database: Database) -> None:
        self._workflows = workflows
        self._orders = orders
        self._database = database

    async def cancel(self, order_id: str, caller: Caller, reason: str) -> OrderView:
        refuse_unless(await self._orders.view(order_id, caller), UNFINISHED)
        argument = CancelOrder(actor=caller.actor, reason=reason)
        return await self._change(order_id, caller, OrderWorkflow.cancel, argument, CANCEL_SECONDS)

    async def extend(self, order_id: str, caller: Caller, seconds: int, reason: str) -> OrderView:
        """Give the buyer `seconds` more to pay."""
        refuse_unless(await self._orders.view(order_id, caller), UNFINISHED)
        argument = ExtendDeadline(seconds=seconds, actor=caller.actor, reason=reason)
        update = OrderWorkflow.extend_deadline
        return await self._change(order_id, caller, update, argument, EXTEND_SECONDS)

    async def recheck(self, order_id: str, caller: Caller, reason: str) -> OrderView:
        """Ask the providers now."""
        refuse_unless(await self._orders.view(order_id, caller), UNFINISHED)
        async with self._database.transaction() as connection:
            orders = Orders(connection)
            # A queued order has no row yet on which this could be put on record.
            if await orders.get(order_id):
                await orders.record(order_id, EventKind.RECHECK_ASKED, caller.actor, reason)
        argument = RecheckPayment(actor=caller.actor)
        update = OrderWorkflow.recheck_payment
        return await self._change(order_id, caller, update, argument, RECHECK_SECONDS)

    async def retry_delivery(
        self, order_id: str, caller: Caller, decision: DecideDelivery
    ) -> OrderView:
        return await self._decide(order_id, caller, OrderWorkflow.retry_delivery, decision)

    async def skip_delivery(
        self, order_id: str, caller: Caller, decision: DecideDelivery
    ) -> OrderView:
        return await self._decide(order_id, caller, OrderWorkflow.skip_delivery, decision)

    async def tell(
        self,
        order_id: str,
        update: UpdateMethodMultiParam[..., T],
        argument: object,
        seconds: float,
        *,
        told: str | None = None,
    ) -> T:
        """The answer to any update of the order's workflow, or of the one named by `told`.

        Raises Refusal, and NoAnswerYet when it was taken but takes longer than `seconds`.
        """
        try:
            return await self._workflows.update(
                told or workflow_id(order_id),
                update,
                argument,
                taken_within=ACCEPT_SECONDS,
                answered_within=seconds,
            )
        except NotTaken as error:
            detail = "orders cannot be changed right now; try again"
            raise Refusal(ErrorCode.UNAVAILABLE, detail) from error
        except NotRunning as error:
            # Then the order's own state says why.
            status = await self._orders.status(order_id)
            if status is None:
                raise Refusal(ErrorCode.NOT_FOUND, "no such order") from error
            detail = f"the order is {status}"
            raise Refusal(ErrorCode.INVALID_STATE, detail, order_status=status) from error

    async def _change(
        self,
        order_id: str,
        caller: Caller,
        update: UpdateMethodMultiParam[..., object],
        argument: object,
        seconds: float,
    ) -> OrderView:
        with suppress(NoAnswerYet):
            await self.tell(order_id, update, argument, seconds)
        return await self._orders.view(order_id, caller)

    async def _decide(
        self,
        order_id: str,
        caller: Caller,
        update: UpdateMethodMultiParam[..., object],
        decision: DecideDelivery,
    ) -> OrderView:
        order = await self._orders.view(order_id, caller)
        _refuse_unless_failed(order, decision.kind)
        try:
            return await self._change(order_id, caller, update, decision, DELIVERY_SECONDS)
        except Refusal as refusal:
            paid = order.payment
            if refusal.code is not ErrorCode.INVALID_STATE or not (paid and paid.trade_no):
                raise
        # Money that came too late and was honoured is delivered for by the workflow that was to
        # give it back.
        late = trade_workflow_id(paid.method, paid.trade_no)
        with suppress(NoAnswerYet):
            await self.tell(order_id, update, decision, DELIVERY_SECONDS, told=late)
        return await self._orders.view(order_id, caller)


def _refuse_unless_failed(order: OrderView, kind: DeliveryKind) -> None:
    """What is pending is still tried by itself, and what is over stays so."""
    status = next((one.status for one in order.deliveries if one.kind is kind), None)
    if status is not DeliveryStatus.FAILED:
        raise Refusal(
            ErrorCode.INVALID_STATE,
            f"the {kind} is {status}" if status else f"the order owes no {kind}",
            order_status=order.status,
        )
