"""A4: every order in hand has a running workflow, which goes on in time, and every running one has
something to do."""

from collections.abc import AsyncIterator, Collection, Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding, Look, counted
from audit.on_their_way import on_their_way
from audit.outages import store_of
from audit.overdue import overdue_orders
from audit.overdue_notices import overdue_notices
from audit.queries import OrderRow, known_orders, stream
from audit.running_workflows import ended_orders
from audit.sources import AuditSources
from audit.unplaced import queued_orders
from domain.ids import is_order_id, order_id_of_workflow
from domain.refund import trade_workflow_id
from domain.states import IN_HAND, PaymentStatus
from infra.postgres.payments import Payments
from infra.postgres.tables.orders import orders

RULE = "each unfinished order has a running workflow, each workflow an order or a reservation"
ORDERS_PER_QUERY = 1000


async def look(sources: AuditSources) -> Look:
    async with sources.database.transaction() as connection:
        overdue = await overdue_orders(connection, sources.overdue_after)
        notices = await overdue_notices(connection, sources.overdue_after)
    late = {order.order_id: order.finding() for order in overdue}
    late |= {f"notice {notice.notice_id}": notice.finding() for notice in notices}
    try:
        workflows = await _look_at_workflows(sources)
    except Exception as error:
        # What Postgres knows is said all the same; without it nothing is proved or found.
        store = store_of(error)
        if store is None or not late:
            raise
        return Look(f"Postgres alone, for {store} does not answer", RULE, late)
    return Look(workflows.covered, RULE, {**late, **workflows.findings})


async def _look_at_workflows(sources: AuditSources) -> Look:
    running = {order_id async for order_id in sources.workflows.running_orders()}
    unfinished = await _unfinished(sources)
    unwatched = await _unwatched(sources, [name for name in unfinished if name not in running])
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
    async for name, problem in sources.workflows.failing():
        order_id = order_id_of_workflow(name)
        of = (order_id,) if is_order_id(order_id) else ()
        findings[order_id] = Finding(f"the workflow {name} cannot go on: {problem}", of)
    covered = f"{counted(len(unfinished), 'unfinished order')}, {counted(len(running), 'workflow')}"
    return Look(covered, RULE, findings)


async def unwatched_orders(sources: AuditSources) -> Collection[str]:
    """Unfinished orders whose workflow does not run."""
    return (await _unwatched(sources, await _unfinished(sources))).keys()


async def unwatched_by_search(sources: AuditSources) -> Collection[str]:
    """As `unwatched_orders`, but for one that ended a moment ago and is still listed as running:
    where all is well it asks Temporal for one list, and not for each order."""
    running = {order_id async for order_id in sources.workflows.running_orders()}
    unfinished = await _unfinished(sources)
    suspects = [order_id for order_id in unfinished if order_id not in running]
    return (await _unwatched(sources, suspects)).keys()


async def _unfinished(sources: AuditSources) -> list[str]:
    async with sources.database.transaction() as connection:
        return [order.order_id async for order in unfinished_orders(connection)]


async def _unwatched(sources: AuditSources, suspects: Iterable[str]) -> dict[str, str]:
    """Those of the unfinished orders that nobody works on, and what became of their workflow.
    One that was placed ahead and waits to be started is on its way: nobody need start it."""
    suspects = list(suspects)
    # The queue first: what leaves it meanwhile has a workflow by the second look.
    queued = await on_their_way(sources, suspects)
    ended = await ended_orders(sources.workflows, (one for one in suspects if one not in queued))
    # Money that came too late may have bought its order after all: then the workflow of the trade
    # delivers, and the order's own has ended.
    trades: dict[str, str] = {}
    async with sources.database.transaction() as connection:
        for order_id in ended:
            for payment in await Payments(connection).of_order(order_id):
                if payment.status is PaymentStatus.PAID and payment.trade_no:
                    trades[trade_workflow_id(payment.method, payment.trade_no)] = order_id
    ended_trades = await sources.workflows.ended(trades)
    watched = {order_id for name, order_id in trades.items() if name not in ended_trades}
    return {order_id: state for order_id, state in ended.items() if order_id not in watched}


async def _idle(sources: AuditSources, running: Iterable[str]) -> list[str]:
    """Running workflows that nothing else knows of."""
    names, without_row = sorted(running), list[str]()
    async with sources.database.transaction() as connection:
        for start in range(0, len(names), ORDERS_PER_QUERY):
            some = names[start : start + ORDERS_PER_QUERY]
            known = await known_orders(connection, some)
            without_row += [order_id for order_id in some if order_id not in known]
    suspects = [order_id for order_id in without_row if not await _is_reserved(sources, order_id)]
    # The search lags behind: what has ended since it answered was only late to say so.
    ended = await ended_orders(sources.workflows, suspects)
    return [order_id for order_id in suspects if order_id not in ended]


async def _is_reserved(sources: AuditSources, order_id: str) -> bool:
    item = await sources.gate.item_of(order_id)
    if item is None:
        return False
    if await sources.gate.reservation(item, order_id):
        return True
    return order_id in await queued_orders(sources, item)


async def unfinished_orders(connection: AsyncConnection) -> AsyncIterator[OrderRow]:
    """Orders that must have a running workflow, by order id."""
    query = select(orders).where(orders.c.status.in_(IN_HAND))
    async for order in stream(connection, query, orders.c.order_id, OrderRow):
        yield order
