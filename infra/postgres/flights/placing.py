"""Placing orders ahead of their workflows: up to `MOST` of an item by one statement.

Both ways to place an order come here, the dispatcher's and the workflow's: who comes second finds
what the first has written.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from domain.order import Order, RejectReason
from domain.reservation import Intent
from domain.sale import ItemRef
from domain.states import HOLDING_STOCK, OWNING_STOCK
from infra.group_commit import FlightPlan, GroupCommit
from infra.postgres.changes import note_row
from infra.postgres.engine import Database, Driver
from infra.postgres.flights.blame import blame
from infra.postgres.flights.queries import planned_anew, query
from infra.postgres.hot_path import PlacingRefused

MOST = 500
# Deadlines of one flight are spread over this share of the time to pay, and no longer than this.
SPREAD_SHARE = 0.1
SPREAD_SECONDS = 60.0
_PLACE, _STAND = query("place"), query("stand")
_COUNTING = sorted(HOLDING_STOCK | OWNING_STOCK)
# What `refuse_placing` raises; it stands in a migration.
_REFUSED = "SK001"


@dataclass(frozen=True)
class StandingOrder:
    """The order, with its item's name and price in points: written just now (`is_new`), or before,
    and then of whatever status it has reached."""

    order: Order
    title: str
    points_price: int | None
    is_new: bool


class PlacingFlights:
    """Raises what Postgres and its pool raise."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock
        # An order id begins with its time, so whoever was accepted first is placed first.
        plan = FlightPlan[str, Intent](
            key=lambda intent: intent.order_id,
            lane=lambda intent: intent.item,
            in_order=True,
            most=MOST,
        )
        commit = GroupCommit[str, Intent, StandingOrder](plan, self._fly, blame)
        # Writes the order and holds its stock, or answers with the one that stands. Raises
        # PlacingRefused; a refusal is a fault of the member, so the others fly without it.
        self.place = commit.call

    async def _fly(
        self, _: Hashable, intents: Mapping[str, Intent]
    ) -> dict[str, StandingOrder | Exception]:
        item = next(iter(intents.values())).item
        async with self._database.driver() as driver:
            return await place_many(driver, item, intents, self._clock())


async def place_many(
    driver: Driver, item: ItemRef, intents: Mapping[str, Intent], placed_at: datetime
) -> dict[str, StandingOrder | Exception]:
    """By order id. PlacingRefused is the answer for an unknown item and for a cancelled sale; it
    is raised, and nothing written, when one of the others does not fit."""
    try:
        async with planned_anew(driver):
            rows = await driver.fetch(
                _PLACE,
                item.sale_id,
                item.sku_id,
                list(intents),
                [intent.user_id for intent in intents.values()],
                [intent.quantity for intent in intents.values()],
                placed_at,
                _COUNTING,
                SPREAD_SHARE,
                SPREAD_SECONDS,
            )
    except asyncpg.PostgresError as error:
        if error.sqlstate != _REFUSED:
            raise
        raise PlacingRefused(error.args[0]) from error
    answers: dict[str, StandingOrder | Exception] = {
        row["order_id"]: _standing(row, is_new=True) for row in rows
    }
    for row in rows:
        note_row(row)
    if missing := [order_id for order_id in intents if order_id not in answers]:
        # A query of its own: what was written while the first one waited, that cannot see.
        for row in await driver.fetch(_STAND, item.sale_id, item.sku_id, missing):
            answers[row["asked_for"]] = _as_it_stands(row)
    return answers


def _as_it_stands(row: asyncpg.Record) -> StandingOrder | PlacingRefused:
    if row["order_id"] is not None:
        return _standing(row, is_new=False)
    cancelled = row["is_cancelled"]
    return PlacingRefused(RejectReason.SALE_CANCELLED if cancelled else RejectReason.NOT_FOUND)


def _standing(row: asyncpg.Record, *, is_new: bool) -> StandingOrder:
    order = Order.model_validate(dict(row))
    return StandingOrder(order, row["title"] or order.sku_id, row["points_price"], is_new)
