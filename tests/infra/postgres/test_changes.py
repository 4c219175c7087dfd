from collections.abc import Collection

import pytest

from domain.actors import SYSTEM
from domain.order import EventKind, OrderChange
from domain.states import OrderStatus
from infra.postgres.changes import is_noted, note, noting
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.ledger import open_item, pay, place

ADA = OrderChange("ada", "O1", 2)


def test_of_an_order_the_last_version_is_noted() -> None:
    with noting() as changes:
        note(ADA)
        note(ADA._replace(version=3))
        assert is_noted("O1")
    assert dict(changes) == {"O1": ADA._replace(version=3)}


def test_what_one_transaction_notes_is_not_anothers() -> None:
    with noting() as outer:
        with noting() as inner:
            note(ADA)
        assert not is_noted("O1")
    note(ADA)
    assert (dict(outer), dict(inner)) == ({}, {"O1": ADA})


class TestAnnounced:
    @pytest.fixture
    async def told(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> list[Collection[OrderChange]]:
        told: list[Collection[OrderChange]] = []
        monkeypatch.setattr(database, "_announce", lambda changes: told.append([*changes]))
        return told

    async def test_each_step_tells_its_order_with_a_greater_version(
        self, database: Database, told: list[Collection[OrderChange]]
    ) -> None:
        order = await place(database, await open_item(database))
        await pay(database, order)
        changes = [OrderChange("ada", order.order_id, version) for version in (1, 2, 3)]
        assert told == [[change] for change in changes]

    async def test_two_changes_of_one_transaction_are_told_once(
        self, database: Database, told: list[Collection[OrderChange]]
    ) -> None:
        order = await place(database, await open_item(database))
        async with database.transaction() as connection:
            orders = Orders(connection)
            await orders.change_status(
                order.order_id, OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED
            )
            await orders.record(order.order_id, EventKind.CANCELLED, SYSTEM)
            await orders.show_change(order.order_id)
        assert told[1:] == [[OrderChange("ada", order.order_id, 2)]]

    async def test_what_is_rolled_back_or_changes_nothing_is_told_to_nobody(
        self, database: Database, told: list[Collection[OrderChange]]
    ) -> None:
        order = await place(database, await open_item(database))
        told.clear()
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as connection:
                await Orders(connection).record(order.order_id, EventKind.CANCELLED, SYSTEM)
                raise ZeroDivisionError
        async with database.transaction() as connection:
            await Orders(connection).change_status(
                order.order_id, OrderStatus.PAID, OrderStatus.FULFILLED
            )
        assert told == []
