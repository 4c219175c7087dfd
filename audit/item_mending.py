"""Drift of an item put right: its orders line by line and its terms while everybody goes on buying;
all of it anew only where Redis does not know the item, or where no line explains what it counts."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import select

from audit.batches import batched
from audit.findings import Finding
from audit.item_rebuild import as_ordered, rebuild_item
from audit.outages import store_of
from audit.queries import OrderRow, fetch_all, known_orders
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.repair import NewRepair, RepairKind
from domain.reservation import ReservationState
from domain.sale import Item, ItemRef, Sale
from infra.postgres.attentions import Attentions
from infra.postgres.repairs import Repairs
from infra.postgres.sales import Sales
from infra.postgres.tables.orders import orders
from infra.redis.reservation_lines import parse_reservation, reservation_line
from infra.redis.reservation_mending import LineChange, Mend, ReservationMending
from infra.sale_at_gate import SaleAtGate

log = structlog.get_logger()

LINES_AT_ONCE = 100
FOUND_CHARACTERS = 500
NOT_DONE, DONE = "not_done", "done"


@dataclass
class Mended:
    """Orders whose lines were written, and items of which anything was, or all."""

    lines: list[str] = field(default_factory=list)
    items: list[ItemRef] = field(default_factory=list)
    rebuilt: list[ItemRef] = field(default_factory=list)


async def mend_items(sources: AuditSources, found: Mapping[str, Finding]) -> Mended:
    """What an audit of Redis found again at each look. An item that cannot be mended calls a
    person and keeps none of the others waiting. Raises what the clients raise for a store that is
    away."""
    of_items: dict[ItemRef, list[Finding]] = {}
    for finding in found.values():
        if finding.item is not None:
            of_items.setdefault(finding.item, []).append(finding)
    mended = Mended()
    for ref in sorted(of_items, key=lambda ref: (ref.sale_id, ref.sku_id)):
        try:
            await _mend_item(sources, ref, of_items[ref], mended)
        except Exception as error:
            if store_of(error) is not None:
                raise
            log.exception("item_not_mended", **ref.model_dump())
            await _call_a_person(sources, ref, error)
    return mended


async def _mend_item(
    sources: AuditSources, ref: ItemRef, findings: Sequence[Finding], mended: Mended
) -> None:
    async with sources.database.transaction() as connection:
        sale = await Sales(connection).get(ref.sale_id)
    item = sale.item(ref.sku_id) if sale else None
    whole = [finding for finding in findings if finding.whole]
    if sale is None or item is None or item.retired_at or whole or sources.mending is None:
        await _rebuild(sources, ref, whole or findings, mended)
        return
    order_ids = [order_id for finding in findings for order_id in finding.orders]
    touched = False
    for some in batched(sorted(set(order_ids)), LINES_AT_ONCE):
        outcomes = await _mend_lines(sources, sources.mending, ref, some)
        touched = touched or bool(outcomes)
        mended.lines += [name for name, outcome in outcomes.items() if outcome is Mend.MENDED]
        # Sold out in Redis, which granted a unit twice: nobody can buy, so a pause hurts nobody.
        if Mend.SHORT in outcomes.values():
            await _rebuild(sources, ref, findings, mended)
            return
    if of_terms := [finding for finding in findings if not finding.orders]:
        await _bring_terms(sources, sale, item, of_terms)
        touched = True
    if touched:
        mended.items.append(ref)


async def _mend_lines(
    sources: AuditSources, mending: ReservationMending, ref: ItemRef, order_ids: Sequence[str]
) -> dict[str, Mend]:
    """Postgres says what a line should be; one that Postgres has no row of, and that is sold, has
    to come to an order again, whose units are held."""
    async with sources.database.transaction() as connection:
        # Locked until Redis has it: whoever ends an order does so here first and in Redis after
        # us. One that somebody holds is moving; the next round looks at it again.
        query = (
            select(orders)
            .where(orders.c.order_id.in_(order_ids))
            .order_by(orders.c.order_id)
            .with_for_update(key_share=True, skip_locked=True)
        )
        rows = {row.order_id: row for row in await fetch_all(connection, query, OrderRow)}
        # Those with a row, also one that somebody has locked.
        known = await known_orders(connection, order_ids)
        seen = await mending.lines(ref, order_ids)
        changes = [
            change
            for order_id in order_ids
            if order_id in rows or order_id not in known
            if (change := _change_of(order_id, rows.get(order_id), seen[order_id]))
        ]
        numbers = await _begin(sources, ref, changes)
        outcomes = await mending.mend(ref, changes)
        ends = {n: str(outcome) for n, outcome in zip(numbers, outcomes, strict=True)}
        await Repairs(connection).conclude(ends)
    for change, outcome in zip(changes, outcomes, strict=True):
        log.warning("reservation_mended", **change._asdict(), **ref.model_dump(), outcome=outcome)
    return {change.order_id: end for change, end in zip(changes, outcomes, strict=True)}


def _change_of(order_id: str, row: OrderRow | None, seen: str) -> LineChange | None:
    """None where the line is right by now."""
    known = parse_reservation(order_id, seen) if seen else None
    if row is not None:
        should = as_ordered(row, known)
    elif known and known.state is ReservationState.SOLD:
        should = known.model_copy(update={"state": ReservationState.HELD})
    else:
        return None
    if should is None or (line := reservation_line(should)) == seen:
        return None
    return LineChange(order_id, seen, line)


async def _begin(sources: AuditSources, ref: ItemRef, changes: Sequence[LineChange]) -> list[int]:
    """On record before Redis is told: who is killed in between leaves a row without an end."""
    begun = [
        NewRepair(
            kind=RepairKind.RESERVATION,
            sale_id=ref.sale_id,
            sku_id=ref.sku_id,
            order_id=change.order_id,
            found=change.seen or "missing",
            should=change.should,
        )
        for change in changes
    ]
    async with sources.database.transaction() as connection:
        return await Repairs(connection).begin(begun)


async def _bring_terms(
    sources: AuditSources, sale: Sale, item: Item, findings: Sequence[Finding]
) -> None:
    """Terms, line in the directory, and room. Each is written as Postgres has it, however often."""
    async with _on_record(sources, RepairKind.TERMS, item.ref, findings) as outcome:
        # The directory, which is there before anything can be bought.
        await sources.gate.preheat(sale.terms_of(item), item.available, item.total)
        # And the sale's version: a stop that is not on record yet is not undone.
        await SaleAtGate(sources.database, sources.gate).bring(sale.sale_id)
        # What waits in a stream that was not listed is read again.
        await sources.intents.list_again()
        if sources.rooms:
            await sources.rooms(item.ref)
        if sources.room_counts and await sources.room_counts.miscounts(item.ref):
            await sources.room_counts.count_anew(item.ref)
        outcome.done = True
    log.warning("terms_mended", **item.ref.model_dump())


async def _rebuild(
    sources: AuditSources, ref: ItemRef, findings: Sequence[Finding], mended: Mended
) -> None:
    async with _on_record(sources, RepairKind.ITEM, ref, findings) as outcome:
        outcome.done = await rebuild_item(sources, ref)
    if outcome.done:
        mended.rebuilt.append(ref)


@dataclass
class _Outcome:
    done: bool = False


@asynccontextmanager
async def _on_record(
    sources: AuditSources, kind: RepairKind, ref: ItemRef, findings: Sequence[Finding]
) -> AsyncIterator[_Outcome]:
    repair = NewRepair(
        kind=kind,
        sale_id=ref.sale_id,
        sku_id=ref.sku_id,
        found="; ".join(finding.what for finding in findings)[:FOUND_CHARACTERS],
        should="as Postgres has it",
    )
    async with sources.database.transaction() as connection:
        (number,) = await Repairs(connection).begin([repair])
    outcome = _Outcome()
    yield outcome
    async with sources.database.transaction() as connection:
        await Repairs(connection).conclude({number: DONE if outcome.done else NOT_DONE})


async def _call_a_person(sources: AuditSources, ref: ItemRef, error: Exception) -> None:
    async with sources.database.transaction() as connection:
        await Attentions(connection).raise_(
            AttentionKind.NOT_HEALED,
            f"{ref.sale_id}/{ref.sku_id}",
            what=f"What Redis knows of {ref.sku_id} in sale {ref.sale_id} cannot be put right:"
            f" {type(error).__name__}: {error}"[:FOUND_CHARACTERS].replace("\0", ""),
            advice="It is tried again with each round of the schedule `reconcile`. Put right what"
            " the error names, look at the next audit, and close this.",
        )
