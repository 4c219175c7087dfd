"""An item's books in Redis, written again from Postgres."""

from collections.abc import Iterable

import structlog

from audit.checks.a2_redis import LIVE
from audit.sources import AuditSources
from audit.unplaced import unplaced_of
from domain.ids import created_at_ms
from domain.reservation import Reservation, ReservationState
from domain.sale import Item, ItemRef, Sale
from domain.states import HOLDING_STOCK, OWNING_STOCK
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.audit_values import StockOrder
from infra.postgres.sales import Sales
from infra.redis.intent_entries import MalformedIntent

log = structlog.get_logger()


async def rebuild_item(sources: AuditSources, ref: ItemRef) -> bool:
    """Postgres decides about its orders; what is accepted and not there yet stays reserved as
    far as the stock goes. Buyers are refused as if the sale paused while the books are written.

    False for an item Postgres does not know.
    """
    found = await _item(sources, ref)
    if found is None:
        return False
    sale, item = found
    await sources.gate.set_paused(ref, True)
    try:
        kept = await _reservations(sources, item)
        stock = item.total - _units(kept)
        await sources.gate.rebuild(sale.terms_of(item), stock, kept)
    except BaseException:
        await sources.gate.set_paused(ref, sale.terms_of(item).paused)
        raise
    log.info("item_rebuilt", sale_id=ref.sale_id, sku_id=ref.sku_id, stock=stock)
    return True


async def _item(sources: AuditSources, ref: ItemRef) -> tuple[Sale, Item] | None:
    async with sources.database.transaction() as connection:
        sale = await Sales(connection).get(ref.sale_id)
    item = sale.item(ref.sku_id) if sale else None
    return (sale, item) if sale and item else None


async def _reservations(sources: AuditSources, item: Item) -> list[Reservation]:
    in_redis = {line.order_id: line async for line in sources.gate.reservations(item.ref)}
    in_redis |= await _intents_without_reservation(sources, item.ref, in_redis.keys())
    lost = {line.order_id for line in (await unplaced_of(sources, item.ref)).lost}
    # Postgres is read last: what it knows by now is no longer on its way.
    placed = await _placed(sources, item.ref)
    decided = [
        line
        for order in placed.values()
        if (line := _as_ordered(order, in_redis.get(order.order_id)))
    ]
    ahead = [line for name, line in in_redis.items() if name not in placed and name not in lost]
    return [*decided, *_as_far_as_it_goes(ahead, item.total - _units(decided))]


async def _intents_without_reservation(
    sources: AuditSources, ref: ItemRef, reserved: Iterable[str]
) -> dict[str, Reservation]:
    known, found = set(reserved), dict[str, Reservation]()
    async for entry in sources.intents.unfinished(ref):
        if entry.subject in known:
            continue
        try:
            intent = entry.intent()
        except MalformedIntent:
            continue
        found[intent.order_id] = Reservation(
            order_id=intent.order_id,
            user_id=intent.user_id,
            quantity=intent.quantity,
            state=ReservationState.HELD,
            reserved_at_ms=intent.accepted_at_ms,
        )
    return found


async def _placed(sources: AuditSources, ref: ItemRef) -> dict[str, StockOrder]:
    async with sources.database.transaction() as connection:
        orders = AuditQueries(connection).stock_orders(ref)
        return {order.order_id: order async for order in orders}


def _as_ordered(order: StockOrder, known: Reservation | None) -> Reservation | None:
    """None where neither store has anything to remember."""
    state = ReservationState.RELEASED
    if order.status in HOLDING_STOCK:
        state = ReservationState.HELD
    elif order.status in OWNING_STOCK:
        state = ReservationState.SOLD
    elif known is None:
        return None
    return Reservation(
        order_id=order.order_id,
        user_id=order.user_id,
        quantity=order.quantity,
        state=state,
        reserved_at_ms=known.reserved_at_ms if known else created_at_ms(order.order_id),
    )


def _as_far_as_it_goes(ahead: list[Reservation], units: int) -> list[Reservation]:
    """First come, first served; what no longer fits is released, so that its order is rejected
    instead of taking a unit twice."""
    kept: list[Reservation] = []
    for line in sorted(ahead, key=lambda line: line.reserved_at_ms):
        if line.state in LIVE and line.quantity > units:
            kept.append(line.model_copy(update={"state": ReservationState.RELEASED}))
            continue
        units -= line.quantity if line.state in LIVE else 0
        kept.append(line)
    return kept


def _units(reservations: Iterable[Reservation]) -> int:
    return sum(line.quantity for line in reservations if line.state in LIVE)
