"""Compensation skipped on cancel or terminate."""

from audit.repair import repair
from audit.sources import open_sources
from domain.ids import workflow_id
from infra.temporal.client import connect_temporal
from tests.support.idle import audit_when_idle
from tests.support.polling import until
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG, begun, happened, times_up
from workflow_client import connect_workflows

ALL_BACK = {"available": 1, "held": 0, "sold": 0}


async def test_a_cancel_from_temporals_own_page_undoes_the_order(system: WholeSystem) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payment = await begun(system, order_id, "ada")
    temporal = await connect_temporal()

    await temporal.get_workflow_handle(workflow_id(order_id)).cancel()

    view = await system.until_status(order_id, "cancelled")
    assert view["timeline"][-1]["actor"] == "operator:temporal"
    assert (await system.book())[payment["out_trade_no"]]["status"] == "closed"
    await audit_when_idle(system)
    assert await system.stock(sale_id) == ALL_BACK


async def test_what_was_terminated_is_named_by_the_audit_and_taken_up_again(
    system: WholeSystem,
) -> None:
    sale_id = await system.sale(stock=1, pay_window=LONG)
    order_id = await system.ordered(sale_id, "ada")
    payment = await begun(system, order_id, "ada")
    temporal = await connect_temporal()
    await temporal.get_workflow_handle(workflow_id(order_id)).terminate("by mistake")

    report = await system.audit()
    named = {check.code: check.orders for check in report.checks if not check.ok}
    assert named == {"A4": (order_id,)}
    workflows = await connect_workflows(system.settings)
    async with open_sources(system.settings, workflows) as sources:
        assert (await repair(sources)).restarted == (order_id,)
    await times_up(order_id)

    view = await system.until_status(order_id, "timed_out")
    # It knows what the terminated one had begun.
    assert (happened(view, "placed"), happened(view, "timed_out")) == (1, 1)
    await until(lambda: _is_closed(system, payment["out_trade_no"]), "the payment to be closed")
    await audit_when_idle(system)
    assert await system.stock(sale_id) == ALL_BACK


async def _is_closed(system: WholeSystem, number: str) -> bool:
    return bool((await system.book())[number]["status"] == "closed")
