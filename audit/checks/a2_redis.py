"""A2: Redis agrees with Postgres: order by order, and in each item's stock and buyers."""

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from audit.batches import batches
from audit.findings import Finding, Looked, counted
from audit.sources import AuditSources
from audit.unplaced import unplaced_of
from domain.reservation import Reservation, ReservationState
from domain.sale import Item, ItemRef, Sale
from domain.states import HOLDING_STOCK, OWNING_STOCK, OrderStatus, SaleStatus
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.audit_values import StockOrder
from infra.postgres.sales import Sales
from infra.redis.item_tally import ItemTally

RULE = "Redis has the same orders, stock and buyers"
PAGE = 100
# Redis need not know these: one was never put up, the others are over and may be cleared away.
NOT_NEEDED = (SaleStatus.DRAFT, SaleStatus.SETTLED, SaleStatus.CANCELLED)
LIVE = (ReservationState.HELD, ReservationState.SOLD)


class Named(NamedTuple):
    subject: str
    finding: Finding


async def look(sources: AuditSources) -> Looked:
    findings: dict[str, Finding] = {}
    items = orders = on_their_way = 0
    async for sale in all_sales(sources):
        for item in sale.items:
            books = _ItemBooks(sources, sale, item)
            findings |= {named.subject: named.finding async for named in books.disagreements()}
            items += 1
            orders += books.orders
            on_their_way += books.on_their_way
    covered = (
        f"{counted(orders, 'order')}, {counted(items, 'item')}, "
        f"{counted(on_their_way, 'reservation')} ahead of Postgres"
    )
    return Looked(covered, RULE, findings)


async def all_sales(sources: AuditSources) -> AsyncIterator[Sale]:
    cursor: str | None = None
    while True:
        async with sources.database.transaction() as connection:
            sales, cursor = await Sales(connection).page(cursor, PAGE)
        for sale in sales:
            yield sale
        if cursor is None:
            return


class _ItemBooks:
    """One item, in Postgres and in Redis."""

    def __init__(self, sources: AuditSources, sale: Sale, item: Item) -> None:
        self._sources, self._sale, self._item = sources, sale, item
        self.orders = self.on_their_way = 0

    async def disagreements(self) -> AsyncIterator[Named]:
        tally = await self._sources.gate.tally(self._item.ref)
        if tally.stock is None and tally.live_units == 0 and self._sale.status in NOT_NEEDED:
            return
        for what in _miscounts(self._item, tally):
            yield Named(what.subject, what.finding)
        async for order in self._orders_that_differ():
            yield order
        async for reservation in self._reservations_of_no_order():
            yield reservation

    async def _orders_that_differ(self) -> AsyncIterator[Named]:
        ref = self._item.ref
        async with self._sources.database.transaction() as connection:
            async for batch in batches(AuditQueries(connection).stock_orders(ref)):
                self.orders += len(batch)
                names = [order.order_id for order in batch]
                reservations = await self._sources.gate.reservations_of(ref, names)
                for order in batch:
                    if what := disagreement(order, reservations.get(order.order_id)):
                        yield Named(order.order_id, Finding(what, (order.order_id,), ref))

    async def _reservations_of_no_order(self) -> AsyncIterator[Named]:
        unplaced = await unplaced_of(self._sources, self._item.ref)
        self.on_their_way = len(unplaced.on_their_way)
        for lost in unplaced.lost:
            if lost.state in LIVE:
                what = f"order {lost.order_id} is {lost.state} in Redis, but Postgres has no row"
                yield Named(lost.order_id, Finding(what, (lost.order_id,), self._item.ref))


def disagreement(order: StockOrder, reservation: Reservation | None) -> str | None:
    """How an order and its reservation contradict each other, if they do."""
    state = reservation.state if reservation else None
    expected = _expected(order.status)
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


def _expected(status: OrderStatus) -> ReservationState | None:
    if status in HOLDING_STOCK:
        return ReservationState.HELD
    return ReservationState.SOLD if status in OWNING_STOCK else None


def _miscounts(item: Item, tally: ItemTally) -> Iterator[Named]:
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
