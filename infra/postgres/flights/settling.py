"""Settling plain money ahead of the workflow, as one statement for all that arrives together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from domain.delivery import DeliveryKind
from domain.ids import item_number_of
from domain.payment import Receipt
from domain.states import OrderStatus, PaymentStatus
from infra.group_commit import FlightPlan, GroupCommit
from infra.postgres.changes import note_row
from infra.postgres.engine import Database, Driver
from infra.postgres.flights.blame import blame
from infra.postgres.flights.queries import on_a_connection, planned_anew, query

BUDGET_SECONDS = 0.05
_SETTLE, _SETTLED = query("settle"), query("settled")
_KINDS = sorted(DeliveryKind)
_TAKEN = (PaymentStatus.PAID, PaymentStatus.REFUNDED)


class Money(NamedTuple):
    """A receipt for the order it names."""

    order_id: str
    receipt: Receipt


# Order, payment, trade.
MoneyKey: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True)
class Settling:
    """`status`: the order's now, None for an unknown one. `took_it`: this very money is the
    order's, `is_new` by this call; otherwise its workflow must look at it."""

    status: OrderStatus | None
    took_it: bool
    is_new: bool = False


class SettlingFlights:
    """Raises what Postgres and its pool raise: then, too, the workflow must look."""

    def __init__(self, database: Database) -> None:
        plan = FlightPlan[MoneyKey, Money](
            key=lambda money: (money.order_id, money.receipt.payment_id, money.receipt.trade_no),
            lane=lambda money: item_number_of(money.order_id),
            # An order takes one payment, and the second receipt must see that it has.
            subject=lambda money: money.order_id,
            in_order=True,
            budget_seconds=BUDGET_SECONDS,
        )
        fly = on_a_connection(database, settle_many)
        commit = GroupCommit[MoneyKey, Money, Settling](plan, fly, blame)
        self.settle = commit.call


async def settle_many(driver: Driver, money: Mapping[MoneyKey, Money]) -> dict[MoneyKey, Settling]:
    """No two of one order."""
    orders, payments, trades = map(list, zip(*money, strict=True))
    receipts = [receipt for _, receipt in money.values()]
    async with planned_anew(driver):
        rows = await driver.fetch(
            _SETTLE,
            orders,
            payments,
            trades,
            [receipt.amount for receipt in receipts],
            [receipt.paid_at for receipt in receipts],
            [receipt.method for receipt in receipts],
            [receipt.notice_id for receipt in receipts],
            _KINDS,
        )
    paid = Settling(OrderStatus.PAID, took_it=True, is_new=True)
    answers: dict[MoneyKey, Settling] = {
        (row["order_id"], row["payment_id"], row["trade_no"]): paid for row in rows
    }
    for row in rows:
        note_row(row)
    if others := [key for key in money if key not in answers]:
        answers |= await _as_they_stand(driver, others)
    return answers


async def _as_they_stand(driver: Driver, keys: list[MoneyKey]) -> dict[MoneyKey, Settling]:
    orders, payments, _ = map(list, zip(*keys, strict=True))
    rows = {row["order_id"]: row for row in await driver.fetch(_SETTLED, orders, payments)}
    answers = {}
    for key in keys:
        row = rows.get(key[0])
        took_it = row is not None and row["payment_status"] in _TAKEN and row["trade_no"] == key[2]
        answers[key] = Settling(OrderStatus(row["status"]) if row else None, took_it)
    return answers
