"""Compensation skipped on cancel or terminate."""

from audit.repair import repair
from audit.sources import open_sources
from domain.ids import workflow_id
from infra.temporal.client import connect_temporal
from tests.support.field_cases import LONG, begun, happened, times_up
from tests.support.quiet import rest_and_audit
from tests.support.town import Town, until

ALL_BACK = {"available": 1, "held": 0, "sold": 0}


async def test_a_cancel_from_temporals_own_page_undoes_the_order(town: Town) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    payment = await begun(town, order_id, "ada")
    temporal = await connect_temporal()

    await temporal.get_workflow_handle(workflow_id(order_id)).cancel()

    view = await town.until_status(order_id, "cancelled")
    assert view["timeline"][-1]["actor"] == "operator:temporal"
    assert (await town.book())[payment["out_trade_no"]]["status"] == "closed"
    await rest_and_audit(town)
    assert await town.stock(sale_id) == ALL_BACK


async def test_what_was_terminated_is_named_by_the_audit_and_taken_up_again(town: Town) -> None:
    sale_id = await town.sale(stock=1, pay_window=LONG)
    order_id = await town.ordered(sale_id, "ada")
    payment = await begun(town, order_id, "ada")
    temporal = await connect_temporal()
    await temporal.get_workflow_handle(workflow_id(order_id)).terminate("by mistake")

    report = await town.audit()
    named = {check.code: check.orders for check in report.checks if not check.ok}
    assert named == {"A4": (order_id,)}
    async with open_sources(town.settings) as sources:
        assert (await repair(sources)).restarted == (order_id,)
    await times_up(order_id)

    view = await town.until_status(order_id, "timed_out")
    # It knows what the terminated one had begun.
    assert (happened(view, "placed"), happened(view, "timed_out")) == (1, 1)
    await until(lambda: _is_closed(town, payment["out_trade_no"]), "the payment to be closed")
    await rest_and_audit(town)
    assert await town.stock(sale_id) == ALL_BACK


async def _is_closed(town: Town, number: str) -> bool:
    return bool((await town.book())[number]["status"] == "closed")
