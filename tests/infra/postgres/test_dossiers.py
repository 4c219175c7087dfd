import pytest
from sqlalchemy import text

from domain.delivery import DeliveryKind
from domain.order import OrderDossier
from infra.postgres import dossiers
from infra.postgres.dossiers import NOT_KNOWN, Dossiers
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.refunds import Refunds
from tests.support.ledger import damage, deliver, open_item, pay, place
from tests.support.values import a_refund


async def _changed(
    database: Database, known: dict[str, int], *users: str, **more: int
) -> dict[str, tuple[int, OrderDossier]]:
    async with database.driver() as driver:
        found = await Dossiers(driver).changed(known, users, **more)
    return {one.dossier.order.order_id: (one.version, one.dossier) for one in found}


async def test_an_order_is_read_with_all_that_hangs_on_it(database: Database) -> None:
    order = await place(database, await open_item(database))
    payment = await pay(database, order)
    await deliver(database, order, DeliveryKind.POINTS, points=5)
    async with database.transaction() as connection:
        await Refunds(connection).request(a_refund(payment))
        archived = "INSERT INTO archived_order_events SELECT 0, order_id, at, event, actor, detail"
        await connection.execute(text(f"{archived} FROM order_events WHERE event = 'placed'"))
        whole = await Orders(connection).dossier(order.order_id)
    found = await _changed(database, {order.order_id: NOT_KNOWN})
    assert found == {order.order_id: (4, whole)}


async def test_only_what_has_another_version_is_read(database: Database) -> None:
    item = await open_item(database)
    orders = [await place(database, item, user) for user in ("ada", "bob", "cid", "dan")]
    ids = [order.order_id for order in orders]
    known = dict(zip(ids, (1, NOT_KNOWN, 7), strict=False)) | {"nobody's": NOT_KNOWN}
    assert list(await _changed(database, known)) == ids[1:3]


async def test_of_users_the_newest_are_read_besides(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await open_item(database, per_user_limit=9)
    older, *newest = [(await place(database, item)).order_id for _ in range(3)]
    other = (await place(database, item, "bob")).order_id
    monkeypatch.setattr(dossiers, "NEWEST_OF_A_USER", 2)
    assert list(await _changed(database, {newest[0]: 1}, "ada")) == newest[1:]
    assert list(await _changed(database, {other: NOT_KNOWN}, "ada")) == [*newest, other]
    found = await _changed(database, {older: NOT_KNOWN}, "ada", "bob", at_most=3)
    assert list(found) == [older, *newest]


async def test_an_event_of_a_later_release_hides_nothing(database: Database) -> None:
    order = await place(database, await open_item(database))
    await damage(database, "UPDATE order_events SET event = 'adored'")
    _, dossier = (await _changed(database, {order.order_id: NOT_KNOWN}))[order.order_id]
    assert dossier.events == ()
