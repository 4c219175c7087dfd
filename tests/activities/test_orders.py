"""Orders hold their stock once, and never more than there is."""

import asyncio
from datetime import timedelta

from activities.orders import EndOrder, OrderActivities, PlacedOrder, PlaceOrder
from domain.order import Order, RejectReason
from domain.states import OrderStatus, SaleStatus
from infra.postgres.engine import Database
from infra.postgres.flights.placing import PlacingFlights
from infra.postgres.orders import Orders
from infra.postgres.sales import Sales
from tests.support.ledger import begin, cancel, figures, movements, open_item, pay, place, settle
from tests.support.values import NOON, a_payment, an_order


async def _place(database: Database, order: Order) -> PlacedOrder:
    command = PlaceOrder(intent=order.intent, placed_at=NOON)
    return await OrderActivities(database).place_order(command)


async def _get(database: Database, order: Order) -> Order | None:
    async with database.transaction() as connection:
        return await Orders(connection).get(order.order_id)


async def test_an_order_holds_its_units(database: Database) -> None:
    item = await open_item(database, per_user_limit=3)
    order = an_order(item, quantity=3)
    placed = await _place(database, order)
    assert placed.order == order == await _get(database, order)
    assert await figures(database, item) == (7, 3, 0)
    assert await movements(database) == [("opening", 10), ("hold", 3)]


async def test_an_order_placed_again_holds_once(database: Database) -> None:
    item = await open_item(database)
    order = an_order(item)
    assert await _place(database, order) == await _place(database, order)
    assert await figures(database, item) == (9, 1, 0)


async def test_more_than_is_available_is_refused_and_leaves_no_trace(database: Database) -> None:
    item = await open_item(database, stock=2, per_user_limit=3)
    order = an_order(item, quantity=3)
    assert await _place(database, order) == PlacedOrder(rejected=RejectReason.SOLD_OUT)
    assert await _get(database, order) is None
    assert await figures(database, item) == (2, 0, 0)
    assert await movements(database) == [("opening", 2)]


async def test_more_than_a_user_may_have_is_refused_and_leaves_no_trace(
    database: Database,
) -> None:
    item = await open_item(database, per_user_limit=2)
    await place(database, item, quantity=1)
    order = an_order(item, quantity=2)
    assert await _place(database, order) == PlacedOrder(rejected=RejectReason.LIMIT_REACHED)
    assert await _get(database, order) is None
    assert await figures(database, item) == (9, 1, 0)


async def test_an_unknown_item_cannot_be_ordered(database: Database) -> None:
    item = await open_item(database)
    order = an_order(item).model_copy(update={"sku_id": "none"})
    assert await _place(database, order) == PlacedOrder(rejected=RejectReason.NOT_FOUND)
    assert await _get(database, order) is None


async def test_of_many_who_want_the_last_unit_at_once_exactly_one_gets_it(
    database: Database,
) -> None:
    item = await open_item(database, stock=1)
    orders = [an_order(item, f"user-{number}") for number in range(12)]
    placed = await asyncio.gather(*(_place(database, order) for order in orders))
    assert [answer.rejected for answer in placed].count(RejectReason.SOLD_OUT) == 11
    assert [answer.order for answer in placed if answer.order] == [
        order for order in orders if await _get(database, order)
    ]
    assert await figures(database, item) == (0, 1, 0)


async def test_a_buyer_who_orders_many_times_at_once_gets_no_more_than_he_may(
    database: Database,
) -> None:
    item = await open_item(database, per_user_limit=2)
    placed = await asyncio.gather(*(_place(database, an_order(item)) for _ in range(12)))
    assert [answer.rejected for answer in placed].count(RejectReason.LIMIT_REACHED) == 10
    assert await figures(database, item) == (8, 2, 0)


async def test_the_same_order_placed_many_times_at_once_holds_once(database: Database) -> None:
    item = await open_item(database)
    order = an_order(item)
    placed = await asyncio.gather(*(_place(database, order) for _ in range(8)))
    assert [answer.order for answer in placed] == [order] * 8
    assert await figures(database, item) == (9, 1, 0)


async def test_payment_and_cancellation_of_one_order_at_once_exclude_each_other(
    database: Database,
) -> None:
    item = await open_item(database)
    order, other = await place(database, item), await place(database, item, "bob")
    payment = await begin(database, a_payment(order))
    command = EndOrder(intent=order.intent, status=OrderStatus.CANCELLED, reason="bob's")
    cancel = OrderActivities(database).cancel_order
    settled = await asyncio.gather(
        *(work for _ in range(4) for work in (cancel(command), settle(database, payment)))
    )
    paid = settled.count(True)
    assert paid <= 1
    end = await _get(database, order)
    assert end is not None
    assert end.status is (OrderStatus.PAID if paid else OrderStatus.CANCELLED)
    assert await figures(database, item) == (9 - paid, 1, paid)
    assert await settle(database, await begin(database, a_payment(other))) is True


async def test_what_came_further_than_its_workflow_knows_is_not_ended(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    payment = await begin(database, a_payment(order))
    activities = OrderActivities(database)
    nothing_closed = EndOrder(
        intent=order.intent, status=OrderStatus.TIMED_OUT, reason="", closed=()
    )

    for _ in range(2):
        stands = await activities.cancel_order(nothing_closed)
        assert stands is not None
        assert [one.payment_id for one in stands.open_payments] == [payment.payment_id]
    assert await figures(database, item) == (9, 1, 0)

    closed = nothing_closed.model_copy(update={"closed": (payment.payment_id,)})
    assert await activities.cancel_order(closed) is None
    assert await figures(database, item) == (10, 0, 0)


async def test_what_is_paid_is_not_ended_and_says_so(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    await pay(database, order)
    # As an earlier release asked.
    end = EndOrder(intent=order.intent, status=OrderStatus.CANCELLED, reason="")

    stands = await OrderActivities(database).cancel_order(end)

    assert stands is not None
    assert stands.to_pay.status is OrderStatus.PAID
    assert await figures(database, item) == (9, 0, 1)


async def test_asking_whether_an_order_stands_places_nothing(database: Database) -> None:
    item = await open_item(database)
    activities = OrderActivities(database)
    intent = an_order(item, "ada").intent

    assert not await activities.order_stands(intent)
    order = await place(database, item, "bob")
    assert await activities.order_stands(order.intent)
    await cancel(database, order)
    assert not await activities.order_stands(order.intent)


async def test_an_order_that_was_placed_ahead_is_found_with_its_own_deadline(
    database: Database,
) -> None:
    item = await open_item(database)
    order = an_order(item)
    standing = await PlacingFlights(database, lambda: NOON + timedelta(minutes=1)).place(
        order.intent
    )

    placed = await _place(database, order)

    assert placed.order == standing.order
    assert placed.deadline == NOON + timedelta(minutes=31)
    assert (placed.title, placed.points_amount) == (item.title, item.points_price)
    assert await figures(database, item) == (9, 1, 0)


async def test_what_was_begun_ahead_is_told_to_the_workflow(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    payment = await begin(database, a_payment(order))

    placed = await _place(database, order)

    assert placed.open_payments == (payment,)


async def test_an_order_that_has_ended_is_not_placed_again(database: Database) -> None:
    order = await place(database, await open_item(database))
    command = EndOrder(intent=order.intent, status=OrderStatus.CANCELLED, reason="ada's")
    await OrderActivities(database).cancel_order(command)

    assert await _place(database, order) == PlacedOrder(rejected=RejectReason.RELEASED)


async def test_who_places_waits_for_a_sale_that_is_just_being_cancelled(
    database: Database,
) -> None:
    item = await open_item(database)
    order = an_order(item)
    async with database.transaction() as connection:
        sales = Sales(connection)
        sale = await sales.get(item.sale_id)
        assert sale is not None
        await sales.change_status(item.sale_id, sale.status, SaleStatus.CANCELLED)
        placing = asyncio.create_task(_place(database, order))
        done, _ = await asyncio.wait([placing], timeout=0.3)
        assert done == set()

    assert await placing == PlacedOrder(rejected=RejectReason.SALE_CANCELLED)
    assert await figures(database, item) == (10, 0, 0)
