import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from domain.order import Order
from domain.sale import Item, ItemRef
from infra.postgres.engine import Database
from infra.postgres.stock import Stock
from infra.postgres.tables import stock_movements
from tests.infra.postgres.ledger_words import (
    an_order,
    damage,
    figures,
    open_item,
    place,
)


async def _hold(database: Database, item: Item, order: Order) -> Item | None:
    async with database.transaction() as connection:
        return await Stock(connection).hold(item.ref, order.order_id, order.quantity)


async def _move(database: Database, kind: str, order: Order) -> bool:
    async with database.transaction() as connection:
        move = getattr(Stock(connection), kind)
        return bool(await move(order))


async def _movements(database: Database) -> list[tuple[str, int]]:
    columns = stock_movements.c.kind, stock_movements.c.quantity
    query = select(*columns).order_by(stock_movements.c.movement_id)
    async with database.transaction() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def test_holding_takes_units_from_what_is_available(database: Database) -> None:
    item = await open_item(database)
    held = await _hold(database, item, an_order(item, quantity=3))
    assert held is not None
    assert (held.available, held.held, held.sold, held.total) == (7, 3, 0, 10)
    assert await _movements(database) == [("opening", 10), ("hold", 3)]


async def test_holding_again_for_the_same_order_holds_once(database: Database) -> None:
    item = await open_item(database)
    order = an_order(item, quantity=3)
    assert await _hold(database, item, order) == await _hold(database, item, order)
    assert await figures(database, item) == (7, 3, 0)


async def test_more_than_is_available_is_not_held_and_leaves_no_movement(
    database: Database,
) -> None:
    item = await open_item(database, stock=2)
    assert await _hold(database, item, an_order(item, quantity=3)) is None
    assert await figures(database, item) == (2, 0, 0)
    assert await _movements(database) == [("opening", 2)]


async def test_an_unknown_item_cannot_be_held(database: Database) -> None:
    await open_item(database)
    async with database.transaction() as connection:
        stock = Stock(connection)
        assert await stock.hold(ItemRef(sale_id="noon", sku_id="none"), "ORDER", 1) is None
        assert await stock.item(ItemRef(sale_id="noon", sku_id="none")) is None
        assert await stock.item_by_number(99) is None


async def test_of_many_who_want_the_last_unit_at_once_exactly_one_gets_it(
    database: Database,
) -> None:
    item = await open_item(database, stock=1)
    orders = [an_order(item, f"user-{number}") for number in range(12)]
    held = await asyncio.gather(*(_hold(database, item, order) for order in orders))
    assert len([answer for answer in held if answer]) == 1
    assert await figures(database, item) == (0, 1, 0)


async def test_the_same_order_held_many_times_at_once_holds_once(database: Database) -> None:
    item = await open_item(database)
    order = an_order(item)
    held = await asyncio.gather(*(_hold(database, item, order) for _ in range(8)))
    assert all(held)
    assert await figures(database, item) == (9, 1, 0)


async def test_released_stock_is_available_again_and_is_released_once(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item, quantity=3)
    assert await _move(database, "release", order) is True
    assert await _move(database, "release", order) is False
    assert await figures(database, item) == (10, 0, 0)


async def test_sold_stock_is_sold_once_and_cannot_be_released(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item, quantity=3)
    assert await _move(database, "sell", order) is True
    assert await _move(database, "sell", order) is False
    assert await _move(database, "release", order) is False
    assert await figures(database, item) == (7, 0, 3)


async def test_released_stock_cannot_be_sold(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    await _move(database, "release", order)
    assert await _move(database, "sell", order) is False
    assert await figures(database, item) == (10, 0, 0)


async def test_stock_taken_back_is_available_again_and_is_taken_back_once(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item, quantity=2)
    assert await _move(database, "take_back", order) is False
    await _move(database, "sell", order)
    assert await _move(database, "take_back", order) is True
    assert await _move(database, "take_back", order) is False
    assert await figures(database, item) == (10, 0, 0)


async def test_what_was_given_back_is_sold_again_once_and_only_while_there_is_some(
    database: Database,
) -> None:
    item = await open_item(database, stock=1)
    order = await place(database, item)
    assert await _move(database, "sell_again", order) is False
    await _move(database, "release", order)
    other = await place(database, item, "bob")
    assert await _move(database, "sell_again", order) is False
    await _move(database, "release", other)
    assert await _move(database, "sell_again", order) is True
    assert await _move(database, "sell_again", order) is False
    assert await figures(database, item) == (0, 0, 1)
    assert await _move(database, "take_back", order) is True
    assert await figures(database, item) == (1, 0, 0)


@pytest.mark.parametrize("kind", ["release", "sell", "take_back"])
async def test_an_order_that_never_held_stock_moves_none(database: Database, kind: str) -> None:
    item = await open_item(database)
    await place(database, item, "somebody else")
    assert await _move(database, kind, an_order(item)) is False
    assert await figures(database, item) == (9, 1, 0)


async def test_release_and_sale_of_one_order_at_once_exclude_each_other(
    database: Database,
) -> None:
    item = await open_item(database)
    order, other = await place(database, item), await place(database, item, "bob")
    done = await asyncio.gather(*(_move(database, kind, order) for kind in ("release", "sell") * 4))
    assert done.count(True) == 1
    available, held, sold = await figures(database, item)
    assert (held, available + sold) == (1, 9)
    assert await _move(database, "sell", other) is True


async def test_the_database_itself_refuses_to_sell_what_was_released(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item)
    await _move(database, "release", order)
    with pytest.raises(IntegrityError, match="way_out"):
        await damage(
            database,
            "INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)"
            " VALUES ('noon', 'mug', :order_id, 'sell', 1)",
            order_id=order.order_id,
        )


@pytest.mark.parametrize(
    "change", ["available = -1, total = total - 11", "held = 1", "total = 0", "sold = -1"]
)
async def test_the_database_itself_refuses_figures_that_do_not_add_up(
    database: Database, change: str
) -> None:
    await open_item(database)
    with pytest.raises(IntegrityError):
        await damage(database, f"UPDATE sale_items SET {change}")  # noqa: S608


async def test_moving_stock_that_is_not_on_the_books_fails_loudly(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    await damage(database, "UPDATE sale_items SET held = 0, available = total")
    with pytest.raises(LookupError, match=order.order_id):
        await _move(database, "sell", order)


async def test_new_units_are_added_once_per_request(database: Database) -> None:
    item = await open_item(database)
    await place(database, item)
    async with database.transaction() as connection:
        stock = Stock(connection)
        for _ in range(2):
            restocked = await stock.restock(item.ref, 5, request_key="delivery-7")
            assert restocked is not None
            assert (restocked.total, restocked.available) == (15, 14)
        again = await stock.restock(item.ref, 5)
        assert again is not None
        assert again.total == 20
        assert await stock.restock(ItemRef(sale_id="noon", sku_id="none"), 5) is None


async def test_items_are_found_by_their_number_and_listed_in_its_order(
    database: Database,
) -> None:
    mug = await open_item(database)
    other = await open_item(database, sale_id="evening")
    async with database.transaction() as connection:
        stock = Stock(connection)
        assert await stock.items() == [mug, other]
        assert await stock.item_by_number(other.item_number) == other
