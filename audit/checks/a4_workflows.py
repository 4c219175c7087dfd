"""A4: every order in hand has a running workflow, and every running one has something to do."""

from collections.abc import Collection, Iterable

from audit.findings import Finding, Looked, counted
from audit.running_workflows import ended_orders, ended_workflows, running_orders
from audit.sources import AuditSources
from audit.unplaced import queued_orders
from domain.ids import is_order_id
from domain.refund import trade_workflow_id
from domain.sale import ItemRef
from domain.states import PaymentStatus
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.payments import Payments

RULE = "each unfinished order has a running workflow, each workflow an order or a reservation"
BATCH = 1000


async def look(sources: AuditSources) -> Looked:
    running = {order_id async for order_id in running_orders(sources.client)}
    unfinished, unwatched = await _unwatched(sources, running)
    idle = await _idle(sources, running)
    findings = {
        order_id: Finding(f"order {order_id} is unfinished, but its workflow {state}", (order_id,))
        for order_id, state in unwatched.items()
    }
    findings |= {
        order_id: Finding(
            f"the workflow of {order_id} runs without order, reservation or intent", (order_id,)
        )
        for order_id in idle
    }
    covered = f"{counted(unfinished, 'unfinished order')}, {counted(len(running), 'workflow')}"
    return Looked(covered, RULE, findings)


async def unwatched_orders(sources: AuditSources) -> Collection[str]:
    """Unfinished orders whose workflow does not run."""
    return (await _unwatched(sources, frozenset()))[1].keys()


async def _unwatched(sources: AuditSources, running: Collection[str]) -> tuple[int, dict[str, str]]:
    unfinished, suspects = 0, list[str]()
    async with sources.database.transaction() as connection:
        async for order in AuditQueries(connection).unfinished_orders():
            unfinished += 1
            if order.order_id not in running:
                suspects.append(order.order_id)
    ended = await ended_orders(sources.client, suspects)
    for order_id in await _seen_through_by_others(sources, ended):
        del ended[order_id]
    return unfinished, ended


async def _seen_through_by_others(sources: AuditSources, order_ids: Iterable[str]) -> set[str]:
    """Orders whose money came too late and was honoured: the workflow of its trade delivers."""
    trades: dict[str, str] = {}
    async with sources.database.transaction() as connection:
        for order_id in order_ids:
            for payment in await Payments(connection).of_order(order_id):
                if payment.status is PaymentStatus.PAID and payment.trade_no:
                    trades[trade_workflow_id(payment.method, payment.trade_no)] = order_id
    ended = await ended_workflows(sources.client, trades)
    return {order_id for name, order_id in trades.items() if name not in ended}


async def _idle(sources: AuditSources, running: Iterable[str]) -> list[str]:
    """Running workflows that nothing else knows of. What has ended since was only late news."""
    suspects = await _without_row(sources, sorted(running))
    suspects = [order_id for order_id in suspects if not await _is_reserved(sources, order_id)]
    ended = await ended_orders(sources.client, suspects)
    return [order_id for order_id in suspects if order_id not in ended]


async def _without_row(sources: AuditSources, order_ids: list[str]) -> list[str]:
    missing: list[str] = []
    async with sources.database.transaction() as connection:
        for start in range(0, len(order_ids), BATCH):
            batch = order_ids[start : start + BATCH]
            known = await AuditQueries(connection).known_orders(batch)
            missing += [order_id for order_id in batch if order_id not in known]
    return missing


async def _is_reserved(sources: AuditSources, order_id: str) -> bool:
    item: ItemRef | None = await sources.gate.item_of(order_id) if is_order_id(order_id) else None
    if item is None:
        return False
    if await sources.gate.reservation(item, order_id):
        return True
    return order_id in await queued_orders(sources, item)
