"""A2: Redis agrees with Postgres: order by order, and in each item's stock, buyers and terms."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from audit.batches import batches
from audit.findings import Finding, Look, counted
from audit.queries import OrderRow, orders_of_item
from audit.sources import AuditSources
from audit.unplaced import unplaced_of
from domain.reservation import Reservation, ReservationState
from domain.sale import Item, ItemRef, ItemTerms, Sale
from domain.states import HOLDING_STOCK, OWNING_STOCK, OrderStatus, SaleStatus
from infra.postgres.rooms import Rooms
from infra.postgres.sales import Sales
from infra.redis.item_snapshots import term_unless_written, terms_fields
from infra.redis.item_tally import ItemTally

RULE = "Redis has the same orders, stock, buyers and terms"
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
    listed = (await sources.gate.items()).values()
    async for sale in _all_sales(sources):
        for item in sale.items:
            seen.items += 1
            # Its books are Postgres' alone, which A1 adds up.
            if item.retired_at is not None:
                if item.ref in listed:
                    what = f"{_name_of(item)} is retired, but Redis still has its books"
                    seen.findings |= dict([_of_item(item.ref, "retired", what)])
                continue
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
            if sources.window is None or sale.sale_id in sources.window.sale_set:
                yield sale
        if cursor is None:
            return


async def _compare(sources: AuditSources, sale: Sale, item: Item, seen: _Seen) -> None:
    tally = await sources.gate.tally(item.ref)
    if tally.stock is None and tally.live_units == 0 and sale.status in NOT_NEEDED:
        return
    seen.findings |= dict(miscounts(item, tally))
    if tally.stock is not None:
        seen.findings |= dict(wrong_terms(sale.terms_of(item), tally.terms))
    if await _is_unlisted(sources, sale, item):
        what = f"{_name_of(item)} is missing in Redis' directory, so nobody reads its intents"
        seen.findings |= dict([_of_item(item.ref, "directory", what)])
    async with sources.database.transaction() as connection:
        async for batch in batches(orders_of_item(connection, item.ref)):
            seen.orders += len(batch)
            names = [order.order_id for order in batch]
            reservations = await sources.gate.reservations_of(item.ref, names)
            for order in batch:
                if wrong := disagreement(order, reservations.get(order.order_id)):
                    seen.findings[order.order_id] = Finding(wrong, (order.order_id,), item.ref)
    if behind := await _room_behind(sources, item):
        seen.findings |= dict([_of_item(item.ref, "room", behind)])
    if miscounted := await _room_miscounted(sources, item):
        seen.findings |= dict([_of_item(item.ref, "room counts", miscounted)])
    unplaced = await unplaced_of(sources, item.ref)
    seen.on_their_way += len(unplaced.on_their_way)
    for lost in unplaced.lost:
        if lost.state in LIVE:
            what = f"order {lost.order_id} is {lost.state} in Redis, but Postgres has no row"
            # A held one needs a workflow, which finds its reservation as it is: only a sold one
            # needs the item written anew.
            to_rebuild = item.ref if lost.state is ReservationState.SOLD else None
            seen.findings[lost.order_id] = Finding(what, (lost.order_id,), to_rebuild)


async def _room_behind(sources: AuditSources, item: Item) -> str | None:
    """What Redis forgot of the item's room, if it did: rows follow Redis, and never lead."""
    if sources.rooms is None:
        return None
    async with sources.database.transaction() as connection:
        kept = await Rooms(connection).get(item.ref)
    if kept is None:
        return None
    # Read after the rows, which may be written meanwhile.
    state = await sources.rooms.state(item.ref)
    if state is None:
        return f"the room of {_name_of(item)} is missing in Redis"
    served, given = state.serving, state.next_number
    if served < kept.serving or given < kept.next_number:
        return (
            f"the room of {_name_of(item)} serves {served} of {given} in Redis, and served "
            f"{kept.serving} of {kept.next_number} before"
        )
    return None


async def _room_miscounted(sources: AuditSources, item: Item) -> str | None:
    """What keeps units from who clicks, though no ticket says so, or does not, though one does."""
    if sources.room_counts is None:
        return None
    wrong = await sources.room_counts.miscounts(item.ref)
    if not wrong:
        return None
    figures = ", ".join(
        f"{name} is {one.counted} and should be {one.there_is}" for name, one in wrong.items()
    )
    return f"the room of {_name_of(item)} counts wrongly: {figures}"


async def _is_unlisted(sources: AuditSources, sale: Sale, item: Item) -> bool:
    if await sources.gate.listed(item.item_number) == item.ref:
        return False
    # What is over may be struck off the list, once nothing of it waits.
    is_over = sale.status in NOT_NEEDED or sale.ends_at <= datetime.now(UTC)
    if not is_over or item.held:
        return True
    return any([True async for _ in sources.intents.unfinished(item.ref)])


def disagreement(order: OrderRow, reservation: Reservation | None) -> str | None:
    """How an order and its reservation contradict each other; None when they agree."""
    state = reservation.state if reservation else None
    expected = _expected(order.status)
    # An order that is over may be released in Redis, or forgotten there.
    if not expected and state not in LIVE:
        return None
    if reservation is None or state not in expected:
        found = state or "missing"
        return f"order {order.order_id} is {order.status}, but its reservation is {found}"
    if (reservation.quantity, reservation.user_id) != (order.quantity, order.user_id):
        holds = f"{counted(reservation.quantity, 'unit')} for user {reservation.user_id}"
        return (
            f"order {order.order_id} has {counted(order.quantity, 'unit')} for user "
            f"{order.user_id}, but its reservation {holds}"
        )
    return None


def _expected(status: OrderStatus) -> Collection[ReservationState]:
    """None of them for an order that has no stock."""
    if status in HOLDING_STOCK:
        return (ReservationState.HELD,)
    if status is OrderStatus.PAID:
        # Money is taken in Postgres alone, and Redis hears of it when the order is handed over. An
        # order that stays so is A4's.
        return LIVE
    return (ReservationState.SOLD,) if status in OWNING_STOCK else ()


def miscounts(item: Item, tally: ItemTally) -> Iterator[Named]:
    """What in Redis's own figures of one item does not add up."""
    name = _name_of(item)
    if tally.stock is None:
        yield _of_item(item.ref, "missing", f"{name} is missing in Redis", whole=True)
    elif tally.stock != item.total - tally.live_units:
        should = f"{item.total} - {tally.live_units} = {item.total - tally.live_units}"
        what = f"{name}: stock in Redis is {tally.stock}, total - live reservations is {should}"
        # The gate's own total explains it: then units came or went, and are said by difference.
        explained = tally.terms.get("total") == str(tally.stock + tally.live_units)
        yield _of_item(item.ref, "stock", what, whole=not explained)
    # An item that an earlier release put up has none yet.
    units = tally.terms.get("total")
    if units is not None and int(units) != item.total:
        what = f"{name} has {units} units in all in Redis, and {item.total} in Postgres"
        yield _of_item(item.ref, "total", what)
    held = tally.terms.get("held")
    if held is not None and int(held) != tally.held_units:
        what = f"{name}: Redis counts {counted(int(held), 'unit')} held, and {tally.held_units} are"
        yield _of_item(item.ref, "held", what, whole=True)
    for user_id, (has, reserved) in tally.miscounted.items():
        what = f"{name}: Redis counts {counted(has, 'unit')} for user {user_id}, who has {reserved}"
        yield _of_item(item.ref, f"buyer {user_id}", what, whole=True)


def wrong_terms(terms: ItemTerms, kept: Mapping[str, str]) -> Iterator[Named]:
    """Each of the terms on which the gate sells otherwise than Postgres says."""
    parts = terms_fields(terms)
    for field_, should in zip(parts[::2], parts[1::2], strict=True):
        found = kept.get(str(field_), term_unless_written(str(field_)))
        if found != str(should):
            what = (
                f"item {terms.sku_id} of sale {terms.sale_id}: {field_} is "
                f"{found or 'missing'} in Redis and should be {should}"
            )
            # A repair that was killed left its name, and with it the pause: one more takes it away.
            is_left = field_ == "paused" and "repair" in kept
            yield _of_item(terms.ref, str(field_), what, whole=is_left)


def _name_of(item: Item) -> str:
    return f"item {item.sku_id} of sale {item.sale_id}"


def _of_item(ref: ItemRef, topic: str, what: str, *, whole: bool = False) -> Named:
    return Named(f"{ref.sale_id}/{ref.sku_id} {topic}", Finding(what, item=ref, whole=whole))
