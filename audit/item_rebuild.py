"""What Redis knows of one item, written again from Postgres."""

from collections.abc import Collection, Iterable
from contextlib import suppress

import structlog

from audit.checks.a2_redis import LIVE
from audit.queries import OrderRow, orders_of_item
from audit.sources import AuditSources
from audit.unplaced import unplaced_of
from domain.ids import created_at_ms
from domain.reservation import Reservation, ReservationState
from domain.sale import Item, ItemRef
from domain.states import HOLDING_STOCK, OWNING_STOCK
from infra.postgres.sale_commands import SaleCommands
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from infra.redis.gate_commands import Verdict
from infra.redis.intent_entries import MalformedIntent
from infra.sale_at_gate import TRIES, GateMoves, SaleAtGate

log = structlog.get_logger()


async def rebuild_item(sources: AuditSources, ref: ItemRef) -> bool:
    """Postgres decides about its orders; what is accepted and not there yet stays reserved as
    far as the stock goes. Its room is put back where it was. Buyers are refused as if the sale
    paused while it is written; what stopped the gate and is not on record is put there first. An
    item that was retired is forgotten instead: it must not come back.

    False for an item Postgres does not know, and for a retired one of which something still waits.
    """
    async with sources.database.transaction() as connection:
        await Stock(connection).take_repair_turn(ref)
        stops = await SaleAtGate(sources.database, sources.gate).settle_stops(ref.sale_id)
        repair = await sources.gate.commands.begin_repair(ref)
        # Nobody could buy any more if the repair outlived us.
        try:
            done = await _rewrite(sources, ref, repair, stops.get(ref.sku_id, ""))
        except BaseException:
            await sources.gate.commands.give_up_repair(ref, repair)
            raise
        if not done:
            await sources.gate.commands.give_up_repair(ref, repair)
    return done


async def _rewrite(sources: AuditSources, ref: ItemRef, repair: str, settled: str) -> bool:
    for _ in range(TRIES):
        async with sources.database.transaction() as connection:
            sale = await Sales(connection).get(ref.sale_id)
        item = sale.item(ref.sku_id) if sale else None
        if sale is None or item is None:
            return False
        if item.retired_at is not None:
            return await sources.gate.retire(item.item_number, ref)
        kept = await _reservations(sources, item)
        stock = item.total - _units(kept)
        written = await sources.gate.rebuild(
            sale.terms_of(item), stock, kept, repair=repair, settled=settled
        )
        if written.verdict is Verdict.WRITTEN:
            log.info("item_rebuilt", sale_id=ref.sale_id, sku_id=ref.sku_id, stock=stock)
            await _put_back_room(sources, ref)
            return True
        if written.verdict is Verdict.OVERTAKEN:
            # It came to be known meanwhile, so buyers were not kept out: from the start, later.
            break
        async with sources.database.transaction() as connection:
            await SaleCommands(connection).go_past(ref.sale_id, written.number)
    raise GateMoves(ref.sale_id)


async def _put_back_room(sources: AuditSources, ref: ItemRef) -> None:
    if sources.rooms:
        await sources.rooms(ref)
    # Of a large room counting anew stops Redis for seconds: never where all is right.
    if sources.room_counts and await sources.room_counts.miscounts(ref):
        await sources.room_counts.count_anew(ref)


async def _reservations(sources: AuditSources, item: Item) -> list[Reservation]:
    in_redis = {known.order_id: known async for known in sources.gate.reservations(item.ref)}
    in_redis |= await _intents_without_reservation(sources, item.ref, in_redis.keys())
    for lost in (await unplaced_of(sources, item.ref)).lost:
        # Its line is the last trace of an accepted order, so it stays until there is a row. A
        # sold one has to come to an order again, whose units are held.
        if lost.state is ReservationState.SOLD:
            held = lost.model_copy(update={"state": ReservationState.HELD})
            in_redis[lost.order_id] = held
    # Postgres is read last: what it knows by now is no longer on its way.
    async with sources.database.transaction() as connection:
        placed = [order async for order in orders_of_item(connection, item.ref)]
    decided = [
        reservation
        for order in placed
        if (reservation := as_ordered(order, in_redis.get(order.order_id)))
    ]
    decided_ids = {order.order_id for order in placed}
    ahead = [known for order_id, known in in_redis.items() if order_id not in decided_ids]
    return [*decided, *as_far_as_stock_goes(ahead, item.total - _units(decided))]


async def _intents_without_reservation(
    sources: AuditSources, ref: ItemRef, reserved: Collection[str]
) -> dict[str, Reservation]:
    found: dict[str, Reservation] = {}
    async for entry in sources.intents.unfinished(ref):
        if entry.subject in reserved:
            continue
        # What says no order is for the dispatcher to bury.
        with suppress(MalformedIntent):
            intent = entry.intent()
            found[intent.order_id] = Reservation(
                order_id=intent.order_id,
                user_id=intent.user_id,
                quantity=intent.quantity,
                state=ReservationState.HELD,
                reserved_at_ms=intent.accepted_at_ms,
            )
    return found


def as_ordered(order: OrderRow, known: Reservation | None) -> Reservation | None:
    """None where neither store has anything to remember."""
    state = ReservationState.RELEASED
    if order.status in HOLDING_STOCK:
        state = ReservationState.HELD
    elif order.status in OWNING_STOCK:
        state = ReservationState.SOLD
    elif known is None:
        return None
    # A line released for good has no units, or money that went back could buy the order again.
    is_released = state is ReservationState.RELEASED
    still_released = is_released and known and known.state is ReservationState.RELEASED
    return Reservation(
        order_id=order.order_id,
        user_id=order.user_id,
        quantity=known.quantity if known and still_released else order.quantity,
        state=state,
        reserved_at_ms=known.reserved_at_ms if known else created_at_ms(order.order_id),
    )


def as_far_as_stock_goes(ahead: list[Reservation], units: int) -> list[Reservation]:
    """First come, first served; what no longer fits is released, so that its order is rejected
    instead of taking a unit twice."""
    kept: list[Reservation] = []
    for reservation in sorted(ahead, key=lambda one: one.reserved_at_ms):
        if reservation.state in LIVE and reservation.quantity > units:
            kept.append(reservation.model_copy(update={"state": ReservationState.RELEASED}))
            continue
        units -= reservation.quantity if reservation.state in LIVE else 0
        kept.append(reservation)
    return kept


def _units(reservations: Iterable[Reservation]) -> int:
    return sum(one.quantity for one in reservations if one.state in LIVE)
