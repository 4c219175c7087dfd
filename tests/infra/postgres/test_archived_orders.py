from infra.postgres.archived_orders import ArchivedOrders
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.old_sales import an_old_sale, move
from tests.support.values import a_receipt


async def test_an_order_in_the_archive_is_as_it_was(database: Database) -> None:
    await an_old_sale(database)
    async with database.transaction() as connection:
        orders = Orders(connection)
        found, _ = await orders.search(limit=100)
        before = {one.order_id: await orders.dossier(one.order_id) for one in found}
    moved = await move(database)

    async with database.transaction() as connection:
        archived = ArchivedOrders(connection)
        after = {order_id: await archived.dossier(order_id) for order_id in before}

    assert moved == len(before) - 1
    # Deliveries had gone to their archive before, and were not looked for there.
    assert [one.model_copy(update={"deliveries": ()}) for one in after.values() if one] == [
        before[order_id] for order_id, one in after.items() if one
    ]
    assert any(one and one.payments and one.events and one.deliveries for one in after.values())


async def test_money_that_an_archived_order_took_is_known(database: Database) -> None:
    await an_old_sale(database)
    async with database.transaction() as connection:
        (paid,), _ = await Orders(connection).search(user_id="paid")
        dossier = await Orders(connection).dossier(paid.order_id)
    assert dossier is not None
    receipt = a_receipt(dossier.payments[0])
    await move(database)

    async with database.transaction() as connection:
        archived = ArchivedOrders(connection)
        assert await archived.took(receipt)
        assert not await archived.took(receipt.model_copy(update={"trade_no": "T-other"}))
