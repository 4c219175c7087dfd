"""Damage to stock in Postgres is named by A1, and what is sound is not."""

import pytest
from sqlalchemy import text

from audit.checks.a1_stock import items_out_of_balance
from audit.sources import AuditSources
from infra.postgres.engine import Database
from tests.support.audited_orders import assert_breaks, check_of, paid
from tests.support.ledger import damage, place
from tests.support.shop import Shop
from tests.support.sound_sale import busy_sale, findings
from tests.support.values import an_order


async def test_a1_a_unit_that_counts_as_sold_to_nobody(shop: Shop, sources: AuditSources) -> None:
    await paid(shop, sources, "ada")
    await damage(shop.database, "UPDATE sale_items SET available = available - 1, sold = sold + 1")

    report = await assert_breaks(sources, "A1")

    assert "item teapot" in check_of(report, "A1").detail
    assert "sold is 2 but 1 by its orders" in check_of(report, "A1").detail


async def test_a1_an_order_without_its_movement(shop: Shop, sources: AuditSources) -> None:
    intent = await paid(shop, sources, "ada")
    await damage(
        shop.database,
        "DELETE FROM stock_movements WHERE order_id = :order_id AND kind = 'sell'",
        order_id=intent.order_id,
    )

    await assert_breaks(sources, "A1", intent.order_id)


@pytest.mark.parametrize(
    "change",
    [
        "held = held + 1, available = available - 1",
        "sold = sold + 1, held = held - 1",
        "total = total + 1, available = available + 1",
    ],
)
async def test_an_item_that_differs_from_its_orders_is_named(
    database: Database, change: str
) -> None:
    await busy_sale(database)
    await damage(database, f"UPDATE sale_items SET {change}")  # noqa: S608
    assert await findings(database) == {"items": ["mug"]}


async def test_an_item_that_does_not_add_up_is_named(database: Database) -> None:
    await busy_sale(database)
    async with database.transaction() as connection:
        for statement in (
            "ALTER TABLE sale_items DROP CONSTRAINT ck_sale_items_total",
            "UPDATE sale_items SET available = available - 1",
        ):
            await connection.execute(text(statement))
        [broken] = await items_out_of_balance(connection)
        # The constraint comes back with the rollback.
        await connection.rollback()
    assert broken.total == broken.available + broken.held + broken.sold + 1


async def test_an_unbalanced_item_shows_its_figures_beside_the_sums(database: Database) -> None:
    item = await busy_sale(database)
    await damage(database, "UPDATE sale_items SET held = held + 3, available = available - 3")
    async with database.transaction() as connection:
        [broken] = await items_out_of_balance(connection)
    assert broken.ref == item.ref
    assert (broken.held, broken.held_by_orders, broken.held_moved) == (4, 1, 1)
    assert (broken.sold, broken.sold_by_orders, broken.sold_moved) == (2, 2, 2)
    assert (broken.total, broken.total_moved) == (25, 25)


async def test_a_status_changed_without_its_stock_is_named(database: Database) -> None:
    item = await busy_sale(database)
    lost = await place(database, item, "lost")
    await damage(
        database,
        "UPDATE orders SET status = 'cancelled' WHERE order_id = :order_id",
        order_id=lost.order_id,
    )
    assert await findings(database) == {"items": ["mug"], "movements": [lost.order_id]}


async def test_a_movement_that_vanished_is_named(database: Database) -> None:
    item = await busy_sale(database)
    order = await place(database, item, "lost")
    await damage(database, "DELETE FROM stock_movements WHERE order_id = :id", id=order.order_id)
    assert await findings(database) == {"items": ["mug"], "movements": [order.order_id]}


async def test_stock_held_for_an_order_nobody_wrote_is_named(database: Database) -> None:
    item = await busy_sale(database)
    ghost = an_order(item, "ghost")
    await damage(
        database,
        "INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)"
        " VALUES ('noon', 'mug', :order_id, 'hold', 1)",
        order_id=ghost.order_id,
    )
    await damage(database, "UPDATE sale_items SET held = held + 1, available = available - 1")
    assert await findings(database) == {"items": ["mug"], "movements": [ghost.order_id]}
