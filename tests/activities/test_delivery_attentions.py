"""A delivery that needs a person is raised by itself and resolved by itself."""

from activities.delivery_attentions import raise_failed, resolve_failed
from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.delivery import DeliveryKind
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.ledger import open_item, place

MESSAGE, POINTS = DeliveryKind.MESSAGE, DeliveryKind.POINTS


async def test_it_says_what_the_buyer_did_not_get_and_what_to_do(database: Database) -> None:
    order = await place(database, await open_item(database))
    async with database.transaction() as connection:
        await raise_failed(connection, order.order_id, MESSAGE, "nobody is there", tries=5)
        (raised,), _ = await Attentions(connection).open_(None, 10)
        dossier = await Orders(connection).dossier(order.order_id)

    assert (raised.kind, raised.order_id) == (AttentionKind.DELIVERY_FAILED, order.order_id)
    assert raised.what == "The buyer did not get: message (nobody is there)"
    assert (raised.step, raised.tries) == ("deliver message", 5)
    assert "retry the delivery" in raised.advice
    assert dossier is not None
    event = dossier.events[-1]
    assert (event.event, event.actor) == ("delivery_failed", SYSTEM)
    assert event.detail == "message: nobody is there"


async def test_each_delivery_of_an_order_is_resolved_by_itself(database: Database) -> None:
    order = await place(database, await open_item(database))
    async with database.transaction() as connection:
        for kind in (MESSAGE, POINTS):
            await raise_failed(connection, order.order_id, kind, "no", tries=5)
        await resolve_failed(connection, order.order_id, MESSAGE, "operator:eve", "told by phone")
        still_open, _ = await Attentions(connection).open_(None, 10)

    assert [one.subject for one in still_open] == [f"{order.order_id}:points"]


async def test_resolving_what_was_never_raised_is_harmless(database: Database) -> None:
    async with database.transaction() as connection:
        await resolve_failed(connection, "unknown", MESSAGE, SYSTEM, "the order is refunding")
        assert await Attentions(connection).open_(None, 10) == ([], None)
