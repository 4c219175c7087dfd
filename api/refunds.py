"""Refunds as callers ask for them: planned from the order's books, then handed to a workflow."""

from contextlib import suppress

from temporalio.workflow import UpdateMethodMultiParam

from api.orders import OrderLookup
from api.problems import Outage
from api.schemas.refunds import RefundView, refund_view
from api.workflow_calls import NoAnswerYet, NoMoreUpdates, NotRunning, WorkflowCalls
from domain.errors import ErrorCode, Refusal
from domain.refund import Refund, RefundRequest
from domain.refund_rules import RefundWish, plan_refund
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.postgres.refunds import Refunds
from workflows.refund import RefundWorkflow
from workflows.updates import DecideRefund

RECORD_SECONDS = 3.0
DECIDE_SECONDS = 10.0


class OrderRefunds:
    """Every call raises Refusal: NOT_FOUND, INVALID_STATE, INVALID or UNAVAILABLE."""

    def __init__(self, workflows: WorkflowCalls, orders: OrderLookup, database: Database) -> None:
        self._workflows = workflows
        self._orders = orders
        self._database = database

    async def plan(self, order_id: str, wish: RefundWish) -> Refund | RefundRequest:
        """What `ask` would find, or ask for."""
        dossier = await self._orders.dossier(order_id)
        if dossier is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such order")
        return plan_refund(dossier, wish)

    async def ask(self, order_id: str, wish: RefundWish) -> RefundView:
        """The same refund for the same wish, however often it is made. What is not on record yet
        is told as requested: its workflow will make it all the same."""
        plan = await self.plan(order_id, wish)
        if isinstance(plan, Refund):
            return refund_view(plan)
        refund = await self._request(plan)
        if refund is None:
            return RefundView(
                refund_id=plan.refund_id, status=RefundStatus.REQUESTED, amount=plan.amount
            )
        # Two different wishes made at one moment may meet in one refund.
        if (refund.amount, refund.reason, refund.request_key) != (
            plan.amount,
            plan.reason,
            plan.request_key,
        ):
            raise Refusal(ErrorCode.INVALID_STATE, f"refund {refund.refund_id} has to finish first")
        return refund_view(refund)

    async def retry(self, refund_id: str, actor: str, reason: str) -> RefundView:
        """Ask the provider again."""
        return await self._decide(refund_id, RefundWorkflow.retry, actor, reason)

    async def resolve(self, refund_id: str, actor: str, reason: str) -> RefundView:
        """Write down that the money was given back by hand."""
        return await self._decide(refund_id, RefundWorkflow.resolve_by_hand, actor, reason)

    async def _request(self, request: RefundRequest) -> Refund | None:
        """The refund as it is on record; None while recording it takes long."""
        await self._workflows.start(
            RefundWorkflow.run,
            request,
            workflow_id=request.workflow_id,
            summary=f"{request.reason} of {request.order_id}",
        )
        try:
            return await self._workflows.update(
                request.workflow_id,
                RefundWorkflow.opened,
                taken_within=RECORD_SECONDS,
                answered_within=RECORD_SECONDS,
            )
        except (NoAnswerYet, NoMoreUpdates):
            # It was started, and will be recorded although we cannot look.
            with suppress(*Outage):
                return await self._find(request.refund_id)
            return None
        except NotRunning:
            # What has ended and left no record was refused: another refund of the same money,
            # asked for at the same moment, came first. Asked again, the books say what is left.
            refund = await self._find(request.refund_id)
            if refund is None:
                detail = "another refund came between; ask again"
                raise Refusal(ErrorCode.UNAVAILABLE, detail) from None
            return refund

    async def _decide(
        self,
        refund_id: str,
        update: UpdateMethodMultiParam[..., Refund],
        actor: str,
        reason: str,
    ) -> RefundView:
        refund = await self._known(refund_id)
        argument = DecideRefund(actor=actor, reason=reason)
        try:
            decided = await self._workflows.update(
                refund.workflow_id,
                update,
                argument,
                taken_within=DECIDE_SECONDS,
                answered_within=DECIDE_SECONDS,
            )
        except NoAnswerYet:
            decided = await self._known(refund_id)
        except NoMoreUpdates:
            detail = "the refund was asked too often: it goes on by itself, and takes no decisions"
            raise Refusal(ErrorCode.INVALID_STATE, detail) from None
        except NotRunning:
            detail = f"the refund is {refund.status}, and nobody works on it"
            raise Refusal(ErrorCode.INVALID_STATE, detail) from None
        return refund_view(decided)

    async def _find(self, refund_id: str) -> Refund | None:
        async with self._database.transaction() as connection:
            return await Refunds(connection).get(refund_id)

    async def _known(self, refund_id: str) -> Refund:
        refund = await self._find(refund_id)
        if refund is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such refund")
        return refund
