import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from domain.order import Order
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.postgres.stock import Stock
from tests.support.ledger import damage, figures, open_item, pay, place
from tests.support.values import an_order


async def _move(database: Database, kind: str, order: Order) -> bool:
    async with database.transaction() as connection:
        move = getattr(Stock(connection), kind)
        return bool(await move(order))


async def test_released_stock_is_available_again_and_is_released_once(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item, quantity=3)
    assert await _move(database, "release", order) is True
    assert await _move(database, "release", order) is False
    assert await figures(database, item) == (10, 0, 0)


async def test_sold_stock_is_not_released(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item, quantity=3)
    await pay(database, order)
    assert await _move(database, "release", order) is False
    assert await figures(database, item) == (7, 0, 3)


async def test_stock_released_by_many_at_once_comes_back_once(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item, quantity=3)
    released = await asyncio.gather(*(_move(database, "release", order) for _ in range(8)))
    assert released.count(True) == 1
    assert await figures(database, item) == (10, 0, 0)


async def test_stock_taken_back_is_available_again_and_is_taken_back_once(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item, quantity=2)
    assert await _move(database, "restock", order) is False
    await pay(database, order)
    assert await figures(database, item) == (8, 0, 2)
    assert await _move(database, "restock", order) is True
    assert await _move(database, "restock", order) is False
    assert await figures(database, item) == (10, 0, 0)


async def test_what_was_given_back_is_sold_again_once_and_only_while_there_is_some(
    database: Database,
) -> None:
    item = await open_item(database, stock=1)
    order = await place(database, item)
    assert await _move(database, "reclaim", order) is False
    await _move(database, "release", order)
    other = await place(database, item, "bob")
    assert await _move(database, "reclaim", order) is False
    await _move(database, "release", other)
    assert await _move(database, "reclaim", order) is True
    assert await _move(database, "reclaim", order) is False
    assert await figures(database, item) == (0, 0, 1)
    assert await _move(database, "restock", order) is True
    assert await figures(database, item) == (1, 0, 0)


@pytest.mark.parametrize("kind", ["release", "reclaim", "restock"])
async def test_an_order_that_never_held_stock_moves_none(database: Database, kind: str) -> None:
    item = await open_item(database)
    await place(database, item, "somebody else")
    assert await _move(database, kind, an_order(item)) is False
    assert await figures(database, item) == (9, 1, 0)


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
        await _move(database, "release", order)


async def test_items_are_found_by_their_name_and_listed_by_their_number(
    database: Database,
) -> None:
    mug = await open_item(database)
    other = await open_item(database, sale_id="evening")
    async with database.transaction() as connection:
        stock = Stock(connection)
        assert await stock.items() == [mug, other]
        assert await stock.item(other.ref) == other
        assert await stock.item(ItemRef(sale_id="noon", sku_id="none")) is None
