"""What callers may have an order's workflow do, and how its answers become the contract's."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from temporalio.workflow import UpdateMethodMultiParam

from api.auth import Caller
from api.orders import OrderLookup, refuse_unless
from api.problems import Outage, invalid
from api.schemas.orders import OrderView
from api.workflow_calls import NoAnswerYet, NoMoreUpdates, NotRunning, NotTaken, WorkflowCalls
from domain.delivery import DeliveryKind
from domain.errors import ErrorCode, Refusal
from domain.ids import workflow_id
from domain.operator_act import OperatorAct
from domain.order import EventKind
from domain.refund import trade_workflow_id
from domain.reservation import Intent
from domain.states import IN_HAND, UNFINISHED, DeliveryStatus, OrderStatus
from infra.postgres.engine import Database
from infra.postgres.operator_acts import OperatorActs
from infra.postgres.orders import Orders
from workflows.order import OrderWorkflow
from workflows.updates import CancelOrder, DecideDelivery, ExtendDeadline, RecheckPayment

log = structlog.get_logger()

# The server holds an update until a worker takes it: this is how long we wait for that worker.
ACCEPT_SECONDS = 5.0
CANCEL_SECONDS = 5.0
EXTEND_SECONDS = 5.0
RECHECK_SECONDS = 10.0
DELIVERY_SECONDS = 10.0
# From the gate's 202 to a running workflow it mostly takes less; in a rush it takes minutes.
STARTED_SECONDS = 2.0
FIRST_LOOK_SECONDS = 0.1

# Alipay refuses an offer that ends more than fifteen days from now. A day is left for its clock.
LONGEST_TO_PAY = timedelta(days=14)

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
        order = await self._orders.view(order_id, caller)
        refuse_unless(order, UNFINISHED)
        argument = CancelOrder(actor=caller.actor, reason=reason)
        return await self._change(order, caller, OrderWorkflow.cancel, argument, CANCEL_SECONDS)

    async def extend(self, order_id: str, caller: Caller, seconds: int, reason: str) -> OrderView:
        """Give the buyer `seconds` more to pay."""
        order = await self._orders.view(order_id, caller)
        refuse_unless(order, UNFINISHED)
        _refuse_unless_payable_until(order, seconds)
        argument = ExtendDeadline(seconds=seconds, actor=caller.actor, reason=reason)
        update = OrderWorkflow.extend_deadline
        return await self._change(order, caller, update, argument, EXTEND_SECONDS)

    async def recheck(self, order_id: str, caller: Caller, reason: str) -> OrderView:
        """Ask the providers now."""
        order = await self._orders.view(order_id, caller)
        refuse_unless(order, UNFINISHED)
        async with self._database.transaction() as connection:
            orders = Orders(connection)
            if await orders.get(order_id):
                await orders.record(order_id, EventKind.RECHECK_ASKED, caller.actor, reason)
            else:
                # A queued order has no row yet that events could be of.
                acts = OperatorActs(connection)
                await acts.record(OperatorAct.RECHECK_ASKED, order_id, caller.actor, reason)
        argument = RecheckPayment(actor=caller.actor)
        update = OrderWorkflow.recheck_payment
        return await self._change(order, caller, update, argument, RECHECK_SECONDS)

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
        patience = time.monotonic() + STARTED_SECONDS
        pause = FIRST_LOOK_SECONDS
        start: Intent | None = None
        while True:
            try:
                return await self._workflows.update(
                    told or workflow_id(order_id),
                    update,
                    argument,
                    taken_within=ACCEPT_SECONDS,
                    answered_within=seconds,
                    start=start,
                )
            except NotTaken as error:
                detail = "orders cannot be changed right now; try again"
                raise Refusal(ErrorCode.UNAVAILABLE, detail) from error
            except (NotRunning, NoMoreUpdates) as error:
                refusal = await self._why_not(order_id, error)
                left = patience - time.monotonic()
                if refusal.code is not ErrorCode.UNAVAILABLE or left <= 0:
                    raise refusal from error
            if start is None and not told:
                start = await self._input_if_in_hand(order_id)
            if start is None or pause > FIRST_LOOK_SECONDS:
                await asyncio.sleep(min(pause, left))
            pause *= 2

    async def _input_if_in_hand(self, order_id: str) -> Intent | None:
        """Of an order that was placed and whose workflow waits its turn to be started: who has
        something to say to it overtakes the others."""
        dossier = await self._orders.dossier(order_id)
        if dossier is None or dossier.order.status not in IN_HAND:
            return None
        return dossier.order.input_of_its_workflow

    async def _why_not(self, order_id: str, error: Exception) -> Refusal:
        """What nobody can be told says the order's own state."""
        status = await self._orders.status(order_id)
        if status is None:
            return Refusal(ErrorCode.NOT_FOUND, "no such order")
        if isinstance(error, NoMoreUpdates):
            detail = "the order was asked too often: it goes on by itself and takes no change"
            return Refusal(ErrorCode.INVALID_STATE, detail, order_status=status)
        if status in UNFINISHED:
            # Accepted and not yet taken up, or its workflow was lost and the repair starts it anew.
            detail = f"the order is {status} and nobody works on it yet; try again"
            return Refusal(ErrorCode.UNAVAILABLE, detail)
        return Refusal(ErrorCode.INVALID_STATE, f"the order is {status}", order_status=status)

    async def _change(
        self,
        before: OrderView,
        caller: Caller,
        update: UpdateMethodMultiParam[..., object],
        argument: object,
        seconds: float,
        *,
        told: str | None = None,
    ) -> OrderView:
        """The order afterwards. What is done stays done when it cannot be looked at: then the order
        as it was `before`, with the change its workflow told of."""
        after = before
        with suppress(NoAnswerYet):
            answer = await self.tell(before.order_id, update, argument, seconds, told=told)
            after = _with_answer(before, answer)
        try:
            return await self._orders.view(before.order_id, caller)
        except Outage as error:
            log.warning("order_not_looked_at", order_id=before.order_id, error=repr(error)[:200])
            return after

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
            return await self._change(order, caller, update, decision, DELIVERY_SECONDS)
        except Refusal as refusal:
            paid = order.payment
            if refusal.code is not ErrorCode.INVALID_STATE or not (paid and paid.trade_no):
                raise
            if isinstance(refusal.__cause__, NoMoreUpdates):
                raise
        # Money that came too late and was honoured is delivered for by the workflow that was to
        # give it back.
        late = trade_workflow_id(paid.method, paid.trade_no)
        return await self._change(order, caller, update, decision, DELIVERY_SECONDS, told=late)


def _with_answer(order: OrderView, answer: object) -> OrderView:
    if isinstance(answer, OrderStatus):
        return order.model_copy(update={"status": answer})
    if isinstance(answer, datetime):
        return order.model_copy(update={"pay_deadline": answer})
    return order


def _refuse_unless_payable_until(order: OrderView, seconds: int) -> None:
    until = (order.pay_deadline or order.created_at) + timedelta(seconds=seconds)
    if until > datetime.now(UTC) + LONGEST_TO_PAY:
        why = f"no provider offers a payment for longer than {LONGEST_TO_PAY.days} days from now"
        raise invalid(["body", "seconds"], why, kind="too_late")


def _refuse_unless_failed(order: OrderView, kind: DeliveryKind) -> None:
    """What is pending is still tried by itself, and what is over stays so."""
    status = next((one.status for one in order.deliveries if one.kind is kind), None)
    if status is not DeliveryStatus.FAILED:
        raise Refusal(
            ErrorCode.INVALID_STATE,
            f"the {kind} is {status}" if status else f"the order owes no {kind}",
            order_status=order.status,
        )
