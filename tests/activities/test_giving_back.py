"""Who ends an order gives its stock back as well, and leaves to the workflow what it cannot do."""

import pytest
from redis.asyncio import Redis

from activities.giving_back import GivingBack
from activities.orders import EndOrder, OrderActivities, PlacedOrder
from domain.order import Order
from domain.reservation import ReservationState, StockReturn
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.redis.stock_gate import StockGate
from tests.support.gate import request_for, stock_left, terms_of
from tests.support.ledger import open_item, pay, place


@pytest.fixture
def gate(redis: Redis) -> StockGate:
    return StockGate(redis)


@pytest.fixture
async def order(database: Database, gate: StockGate) -> Order:
    """Placed, and reserved in Redis."""
    item = await open_item(database)
    await gate.preheat(terms_of(item.ref), 10)
    order = await place(database, item)
    await gate.reserve(request_for(order.order_id, order.user_id, item=order.item))
    return order


async def _end(database: Database, gate: StockGate, order: Order) -> PlacedOrder | None:
    end = EndOrder(
        intent=order.intent,
        status=OrderStatus.TIMED_OUT,
        reason="not paid in time",
        give_back=StockReturn.RELEASE,
    )
    return await OrderActivities(database, GivingBack(gate)).cancel_order(end)


async def _in_postgres(database: Database, order: Order) -> Order:
    async with database.transaction() as connection:
        found = await Orders(connection).get(order.order_id)
    assert found is not None
    return found


async def _state(gate: StockGate, order: Order) -> ReservationState | None:
    reservation = await gate.reservation(order.item, order.order_id)
    return reservation.state if reservation else None


async def test_what_has_ended_is_back_in_both_stores_and_a_repeat_gives_nothing_more(
    database: Database, gate: StockGate, order: Order
) -> None:
    for _ in range(2):
        assert await _end(database, gate, order) == PlacedOrder(is_given_back=True)

    assert await stock_left(gate, order.item) == 10
    assert (await _in_postgres(database, order)).status is OrderStatus.TIMED_OUT


async def test_what_is_paid_keeps_its_stock(
    database: Database, gate: StockGate, order: Order
) -> None:
    await pay(database, order)

    stands = await _end(database, gate, order)

    assert stands is not None
    assert not stands.is_given_back
    assert await _state(gate, order) is ReservationState.HELD


async def test_a_redis_that_is_away_leaves_the_end_and_says_that_its_part_is_to_be_done(
    database: Database, gate: StockGate, order: Order
) -> None:
    away = StockGate(Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.1))

    assert await _end(database, away, order) is None

    assert (await _in_postgres(database, order)).status is OrderStatus.TIMED_OUT
    assert await _state(gate, order) is ReservationState.HELD
