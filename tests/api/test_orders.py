"""Where an order is found, from its click on, and by whom."""

from typing import cast

import pytest

from api.orders import OrderLookup, refuse_unless
from api.schemas.orders import OrderView, order_view
from domain.errors import ErrorCode, Refusal
from domain.ids import new_order_id
from domain.order import OrderDossier
from domain.reservation import Reservation
from domain.sale import Item, ItemRef
from domain.states import UNFINISHED, OrderStatus
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate
from tests.support.api_doubles import ADA, BOB, OLGA, a_dossier
from tests.support.ledger import open_item, place


class Gate:
    """Knows what item an order is for, and of this order perhaps a reservation."""

    def __init__(self, item: Item, reservation: Reservation | None = None) -> None:
        self._item = item
        self._reservation = reservation

    async def item_of(self, _order_id: str) -> ItemRef:
        return self._item.ref

    async def reservation(self, _ref: ItemRef, _order_id: str) -> Reservation | None:
        return self._reservation


def lookup(database: Database, item: Item, reservation: Reservation | None = None) -> OrderLookup:
    return OrderLookup(database, cast(StockGate, Gate(item, reservation)))


def reserved(order_id: str, user_id: str) -> Reservation:
    return Reservation.model_validate(
        {
            "order_id": order_id,
            "user_id": user_id,
            "quantity": 2,
            "reserved_at_ms": 1_900_000_000_000,
            "state": "held",
        }
    )


async def test_an_order_is_its_buyers_and_operators_to_see(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item, "ada")
    orders = lookup(database, item)

    for caller in (ADA, OLGA):
        view = await orders.view(order.order_id, caller)
        assert (view.order_id, view.user_id) == (order.order_id, "ada")
    with pytest.raises(Refusal) as refusal:
        await orders.view(order.order_id, BOB)
    assert refusal.value.code is ErrorCode.NOT_FOUND
    assert await orders.status(order.order_id) is OrderStatus.PENDING_PAYMENT


async def test_a_click_is_seen_before_postgres_knows_it(database: Database) -> None:
    item = await open_item(database)
    order_id = new_order_id(item.item_number, 1)

    orders = lookup(database, item, reserved(order_id, "ada"))

    view = await orders.view(order_id, ADA)
    assert (view.status, view.amount) == (OrderStatus.QUEUED, 2 * item.price)
    assert await orders.dossier(order_id) is None


async def test_the_mark_of_an_undo_is_no_order(database: Database) -> None:
    item = await open_item(database)
    order_id = new_order_id(item.item_number, 1)

    assert await lookup(database, item, reserved(order_id, "")).status(order_id) is None


async def test_an_order_that_leaves_the_queue_meanwhile_is_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, dossier = await open_item(database), a_dossier()
    orders = lookup(database, item)
    answers: list[OrderDossier | None] = [None, dossier]

    async def later(_order_id: str) -> OrderDossier | None:
        return answers.pop(0)

    monkeypatch.setattr(orders, "dossier", later)

    assert await orders.view(dossier.order.order_id, ADA) == order_view(dossier)


@pytest.mark.parametrize(("looks", "patience"), [(3, 2.0), (1, 0.0)])
async def test_a_queued_order_is_waited_for_a_moment(
    database: Database, monkeypatch: pytest.MonkeyPatch, looks: int, patience: float
) -> None:
    orders = lookup(database, await open_item(database))
    placed = order_view(a_dossier())
    queued = placed.model_copy(update={"status": OrderStatus.QUEUED})
    answers = [queued, queued, placed]

    async def seen(*_: object) -> OrderView:
        return answers.pop(0)

    monkeypatch.setattr(orders, "view", seen)

    found = await orders.placed_view(placed.order_id, ADA, patience)

    assert found == (placed if looks == 3 else queued)
    assert len(answers) == 3 - looks


async def test_what_is_no_order_id_is_not_looked_for(database: Database) -> None:
    assert await lookup(database, await open_item(database)).dossier("'; --") is None


@pytest.mark.parametrize("status", OrderStatus)
def test_a_state_that_does_not_allow_it_is_named(status: OrderStatus) -> None:
    view = order_view(a_dossier(status))
    if status in UNFINISHED:
        refuse_unless(view, UNFINISHED)
        return
    with pytest.raises(Refusal) as refusal:
        refuse_unless(view, UNFINISHED)
    assert refusal.value.code is ErrorCode.INVALID_STATE
    assert refusal.value.extra == {"order_status": status}
