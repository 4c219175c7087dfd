"""Bill reconciliation as operators ask for it: started, or found running, and waited for a bit."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import structlog
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from api.problems import invalid
from api.schemas.bills import ReconciliationView, bill_check_view
from api.workflow_calls import WorkflowCalls
from domain.bill import day_of
from domain.errors import ErrorCode, Refusal
from domain.payment import PaymentMethod
from domain.quoting import quoted
from infra.gateways.protocol import Gateway
from workflows.bills import ReconcileBills, ReconcileBillsWorkflow, bills_workflow_id

log = structlog.get_logger()

ANSWER_SECONDS = 5.0
# Providers keep bills for three months.
KEPT_FOR = timedelta(days=90)


class BillReconciler:
    def __init__(self, workflows: WorkflowCalls, gateways: Mapping[PaymentMethod, Gateway]) -> None:
        self._workflows = workflows
        self._gateways = gateways

    async def reconcile(
        self, day: date, method: PaymentMethod | None, actor: str
    ) -> ReconciliationView:
        """The outcome if the reconciliation ends in a few seconds, else where it is made; one of
        this day that is under way is joined. Raises Refusal(UNAVAILABLE)."""
        log.info("bills_asked", day=str(day), method=method, actor=actor)
        run = await self._workflows.start(
            ReconcileBillsWorkflow.run,
            ReconcileBills(day=day, method=method),
            workflow_id=bills_workflow_id(day, method),
            summary=f"bills of {day}, asked for by {quoted(actor)}",
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                outcome = await run.result()
        except WorkflowFailureError as error:
            raise Refusal(ErrorCode.UNAVAILABLE, "the reconciliation was ended") from error
        except (TimeoutError, RPCError):
            return ReconciliationView(workflow_id=run.id, day=day, finished=False, checks=[])
        checks = [bill_check_view(check) for check in outcome.checks]
        return ReconciliationView(workflow_id=run.id, day=day, finished=True, checks=checks)

    def refuse_unless_billed(self, day: date, method: PaymentMethod | None) -> None:
        """Raises Refusal(INVALID)."""
        today = day_of(datetime.now(UTC))
        if not today - KEPT_FOR <= day <= today:
            why = "bills are there for the last three months only"
            raise invalid(["body", "day"], why, kind="day")
        # Points are our own: nobody bills them.
        if method is PaymentMethod.POINTS or (method and method not in self._gateways):
            raise invalid(["body", "method"], f"{method} makes no bills here", kind="method")
