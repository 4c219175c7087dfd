"""Orders without a workflow, and workflows without an order, are named by A4."""

from dataclasses import replace

from audit.sources import AuditSources
from domain.ids import new_order_id, workflow_id
from tests.support.audited_orders import assert_breaks, check_of, dispatched
from tests.support.shop import Shop
from tests.support.workflows_double import WorkflowsDouble
from workflows.order import OrderWorkflow


async def test_a4_a_waiting_order_whose_workflow_was_terminated(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    await shop.client.get_workflow_handle(workflow_id(intent.order_id)).terminate()

    report = await assert_breaks(sources, "A4", intent.order_id)

    assert "has ended (terminated)" in check_of(report, "A4").detail


async def test_a4_a_workflow_that_nothing_else_knows_of(shop: Shop, sources: AuditSources) -> None:
    ghost = shop.intent_for(new_order_id(shop.item.item_number, 1_700_000_000_000), "ada")
    await shop.client.start_workflow(
        OrderWorkflow.run, ghost, id=workflow_id(ghost.order_id), task_queue="nobody-serves-this"
    )

    await assert_breaks(sources, "A4", ghost.order_id)


async def test_a4_a_workflow_that_runs_and_cannot_go_on(shop: Shop, sources: AuditSources) -> None:
    intent = await dispatched(shop, sources, "ada")
    name = workflow_id(intent.order_id)
    failing = WorkflowsDouble(running={name}, broken={name})

    report = await assert_breaks(replace(sources, workflows=failing), "A4", intent.order_id)

    assert "cannot go on: category=WorkflowTaskFailed" in check_of(report, "A4").detail
