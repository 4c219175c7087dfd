"""Sales' workflows are told, and nobody waits for it."""

from temporalio.service import RPCError, RPCStatusCode

from api.sale_workflows import SaleWorkflows
from tests.support.workflows_double import WorkflowsDouble


async def test_what_is_told_is_heard() -> None:
    double = WorkflowsDouble()
    workflows = SaleWorkflows(double)

    workflows.tell("noon")
    await workflows.told()

    assert double.sales == [("noon", True)]


async def test_a_temporal_that_is_away_fails_nobody() -> None:
    workflows = SaleWorkflows(
        WorkflowsDouble(away=RPCError("away", RPCStatusCode.UNAVAILABLE, b""))
    )

    workflows.tell("noon")

    await workflows.told()


async def test_one_that_hangs_ends_with_the_process() -> None:
    workflows = SaleWorkflows(WorkflowsDouble(hangs=True))
    workflows.tell("noon")

    await workflows.aclose()
