"""An order is placed in Redis and in Postgres, or in neither."""

from domain.ids import new_order_id
from domain.states import OrderStatus
from tests.support.shop import Shop


async def test_a_workflow_started_without_the_gate_reserves_for_itself(shop: Shop) -> None:
    intent = shop.intent_for(new_order_id(shop.item.item_number, 1), "bob")
    handle = await shop.start(intent.model_copy(update={"accepted_at_ms": 0}))
    assert await shop.cancel(handle) is OrderStatus.CANCELLED
    assert await shop.counts() == (5, 0, 0, 5)


async def test_what_the_gate_refuses_ends_as_a_rejection_on_record(shop: Shop) -> None:
    await shop.intent("ada", 2)
    intent = shop.intent_for(new_order_id(shop.item.item_number, 1), "ada")
    outcome = await (await shop.start(intent)).result()
    assert outcome.status is OrderStatus.REJECTED
    order = (await shop.dossier(intent.order_id)).order
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "limit_reached")


async def test_a_unit_redis_promised_and_postgres_never_had_is_not_sold(shop: Shop) -> None:
    handles = [await shop.start(await shop.intent(user)) for user in "abcde"]
    for handle in handles:
        await shop.pay(handle)
    for handle in handles:
        assert (await handle.result()).status is OrderStatus.FULFILLED
    # Redis comes to believe in one unit more than there is.
    terms = await shop.gate.terms(shop.item.ref)
    assert terms is not None
    await shop.gate.rebuild(terms, 1, [])

    intent = await shop.intent("frank")
    outcome = await (await shop.start(intent)).result()

    assert outcome.status is OrderStatus.REJECTED
    assert await shop.counts() == (0, 0, 5, 0)
