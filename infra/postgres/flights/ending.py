"""Ending unpaid orders, by a cancel or by their deadline, all of an item that end together."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.ids import item_number_of
from domain.states import OrderStatus
from infra.group_commit import FlightPlan, GroupCommit
from infra.postgres.changes import note_row
from infra.postgres.engine import Database, Driver
from infra.postgres.flights.blame import blame
from infra.postgres.flights.queries import on_a_connection, planned_anew, query

BUDGET_SECONDS = 0.05
_LOCK, _END = query("lock"), query("end")
ENDS = frozenset({OrderStatus.CANCELLED, OrderStatus.TIMED_OUT})


@dataclass(frozen=True)
class OrderEnd:
    """The `end` to reach, and why: as the buyer reads it (`reason`), and as the event tells it
    (`detail`). `closed` names the payments that can take no money any more; None where nobody
    looked, which ends the order whatever is open."""

    order_id: str
    end: OrderStatus
    reason: str
    actor: str
    detail: str
    closed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Ended:
    """`status`: the order's now, None for an unknown one. One that still waits for its payment has
    payments open that the caller does not know of."""

    status: OrderStatus | None
    is_new: bool = False


class EndingFlights:
    """Raises what Postgres and its pool raise."""

    def __init__(self, database: Database) -> None:
        plan = FlightPlan[str, OrderEnd](
            key=lambda end: end.order_id,
            lane=lambda end: item_number_of(end.order_id),
            in_order=True,
            budget_seconds=BUDGET_SECONDS,
        )
        fly = on_a_connection(database, end_many)
        self._commit = GroupCommit[str, OrderEnd, Ended](plan, fly, blame)

    async def end(self, end: OrderEnd) -> Ended:
        """Raises ValueError for an end that no waiting order comes to."""
        if end.end not in ENDS:
            raise ValueError(f"no order that waits comes to be {end.end}")
        return await self._commit.call(end)


async def end_many(driver: Driver, ends: Mapping[str, OrderEnd]) -> dict[str, Ended]:
    """By order id, which must be sorted."""
    wanted = ends.values()
    async with planned_anew(driver):
        # Two queries: a payment that was begun while the first one waited for its order's row is
        # seen by the second alone.
        statuses = {row["order_id"]: row["status"] for row in await driver.fetch(_LOCK, list(ends))}
        rows = await driver.fetch(
            _END,
            list(ends),
            [end.end for end in wanted],
            [end.reason for end in wanted],
            [end.actor for end in wanted],
            [end.detail for end in wanted],
            [payment_id for end in wanted for payment_id in end.closed or ()],
            [end.order_id for end in wanted if end.closed is None],
        )
    for row in rows:
        note_row(row)
    ended = {row["order_id"] for row in rows}
    return {
        order_id: Ended(end.end, is_new=True)
        if order_id in ended
        else Ended(OrderStatus(statuses[order_id]) if order_id in statuses else None)
        for order_id, end in ends.items()
    }
