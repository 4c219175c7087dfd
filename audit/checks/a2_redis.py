"""A2: Redis agrees with Postgres: order by order, and in each item's stock and buyers."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from audit.batches import batches
from audit.findings import Finding, Look, counted
from audit.queries import OrderRow, orders_of_item
from audit.sources import AuditSources
from audit.unplaced import unplaced_of
from domain.reservation import Reservation, ReservationState
from domain.sale import Item, ItemRef, Sale
from domain.states import HOLDING_STOCK, OWNING_STOCK, SaleStatus
from infra.postgres.sales import Sales
from infra.redis.item_tally import ItemTally

RULE = "Redis has the same orders, stock and buyers"
SALES_PER_PAGE = 100
# Redis need not know these: one was never put up, the others are over and may be cleared away.
NOT_NEEDED = (SaleStatus.DRAFT, SaleStatus.SETTLED, SaleStatus.CANCELLED)
LIVE = (ReservationState.HELD, ReservationState.SOLD)


class Named(NamedTuple):
    """A finding and what it is about."""

    subject: str
    finding: Finding


@dataclass
class _Seen:
    """What one look has covered so far."""

    findings: dict[str, Finding] = field(default_factory=dict)
    items: int = 0
    orders: int = 0
    on_their_way: int = 0


async def look(sources: AuditSources) -> Look:
    seen = _Seen()
    async for sale in _all_sales(sources):
        for item in sale.items:
            seen.items += 1
            await _compare(sources, sale, item, seen)
    covered = (
        f"{counted(seen.orders, 'order')}, {counted(seen.items, 'item')}, "
        f"{counted(seen.on_their_way, 'reservation')} ahead of Postgres"
    )
    return Look(covered, RULE, seen.findings)


async def _all_sales(sources: AuditSources) -> AsyncIterator[Sale]:
    cursor: str | None = None
    while True:
        async with sources.database.transaction() as connection:
            sales, cursor = await Sales(connection).page(cursor, SALES_PER_PAGE)
        for sale in sales:
            yield sale
        if cursor is None:
            return


async def _compare(sources: AuditSources, sale: Sale, item: Item, seen: _Seen) -> None:
    tally = await sources.gate.tally(item.ref)
    if tally.stock is None and tally.live_units == 0 and sale.status in NOT_NEEDED:
        return
    seen.findings |= dict(miscounts(item, tally))
    async with sources.database.transaction() as connection:
        async for batch in batches(orders_of_item(connection, item.ref)):
            seen.orders += len(batch)
            names = [order.order_id for order in batch]
            reservations = await sources.gate.reservations_of(item.ref, names)
            for order in batch:
                if what := disagreement(order, reservations.get(order.order_id)):
                    seen.findings[order.order_id] = Finding(what, (order.order_id,), item.ref)
    unplaced = await unplaced_of(sources, item.ref)
    seen.on_their_way += len(unplaced.on_their_way)
    for lost in unplaced.lost:
        if lost.state in LIVE:
            what = f"order {lost.order_id} is {lost.state} in Redis, but Postgres has no row"
            seen.findings[lost.order_id] = Finding(what, (lost.order_id,), item.ref)


def disagreement(order: OrderRow, reservation: Reservation | None) -> str | None:
    """How an order and its reservation contradict each other; None when they agree."""
    expected = None
    if order.status in HOLDING_STOCK:
        expected = ReservationState.HELD
    elif order.status in OWNING_STOCK:
        expected = ReservationState.SOLD
    state = reservation.state if reservation else None
    # An order that is over may be released in Redis, or forgotten there.
    if expected is None and state not in LIVE:
        return None
    if reservation is None or state is not expected:
        found = state or "missing"
        return f"order {order.order_id} is {order.status}, but its reservation is {found}"
    if (reservation.quantity, reservation.user_id) != (order.quantity, order.user_id):
        holds = f"{counted(reservation.quantity, 'unit')} for user {reservation.user_id}"
        return (
            f"order {order.order_id} has {counted(order.quantity, 'unit')} for user "
            f"{order.user_id}, but its reservation {holds}"
        )
    return None


def miscounts(item: Item, tally: ItemTally) -> Iterator[Named]:
    """What in Redis's own figures of one item does not add up."""
    name = f"item {item.sku_id} of sale {item.sale_id}"
    if tally.stock is None:
        yield _of_item(item.ref, "missing", f"{name} is missing in Redis")
    elif tally.stock != item.total - tally.live_units:
        should = f"{item.total} - {tally.live_units} = {item.total - tally.live_units}"
        what = f"{name}: stock in Redis is {tally.stock}, total - live reservations is {should}"
        yield _of_item(item.ref, "stock", what)
    for user_id, (units, reserved) in tally.miscounted.items():
        what = (
            f"{name}: Redis counts {counted(units, 'unit')} for user {user_id}, who has {reserved}"
        )
        yield _of_item(item.ref, f"buyer {user_id}", what)


def _of_item(ref: ItemRef, topic: str, what: str) -> Named:
    return Named(f"{ref.sale_id}/{ref.sku_id} {topic}", Finding(what, item=ref))
