"""An order is taken up as it stands: Postgres is asked first, and Redis is brought into step."""

import pytest
from redis.asyncio import Redis
from temporalio.exceptions import ApplicationError

from activities.first_step import (
    ITEM_NOT_PREHEATED,
    FirstStepActivities,
    Reserved,
    TakeUpOrder,
)
from activities.orders import OrderActivities, RejectOrder
from activities.stock import StockActivities
from domain.attention import AttentionKind
from domain.order import Order, RejectReason
from domain.reservation import Intent, Reservation, ReservationState
from domain.sale import Item
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate
from tests.support.gate import intent_for, request_for, stock_left, terms_of
from tests.support.ledger import begin, cancel, figures, give_back, open_item, pay, place
from tests.support.values import NOON, a_payment, an_order

STOCK = 10


@pytest.fixture
async def item(database: Database) -> Item:
    return await open_item(database, stock=STOCK)


@pytest.fixture
async def gate(redis: Redis, item: Item) -> StockGate:
    gate = StockGate(redis)
    await gate.preheat(terms_of(item.ref, limit=item.per_user_limit), STOCK)
    return gate


@pytest.fixture
def first(database: Database, gate: StockGate) -> FirstStepActivities:
    return FirstStepActivities(database, gate, OrderActivities(database))


def _take_up(intent: Intent) -> TakeUpOrder:
    return TakeUpOrder(**intent.model_dump(), placed_at=NOON)


async def _accepted(gate: StockGate, order: Order) -> None:
    """As the gate does it, ahead of everything."""
    await gate.reserve(
        request_for(order.order_id, order.user_id, order.quantity, item=order.item, late=True)
    )


async def _state(gate: StockGate, order: Order) -> ReservationState | None:
    found = await gate.reservation(order.item, order.order_id)
    return found.state if found else None


# As the release before this one asked: to reserve, and no more.


async def test_a_reservation_is_made_once_however_often_it_is_asked_for(
    first: FirstStepActivities, gate: StockGate, item: Item
) -> None:
    intent = TakeUpOrder(**an_order(item).intent.model_dump())

    assert await first.reserve_stock(intent) == Reserved()
    assert await first.reserve_stock(intent) == Reserved()

    assert await stock_left(gate, item.ref) == STOCK - 1


async def test_what_the_gate_refuses_is_an_answer_and_no_error(
    first: FirstStepActivities, item: Item
) -> None:
    intent = TakeUpOrder(**an_order(item, quantity=item.per_user_limit + 1).intent.model_dump())

    assert (await first.reserve_stock(intent)).rejected is RejectReason.LIMIT_REACHED


async def test_an_accepted_order_whose_item_is_gone_waits_for_it(
    first: FirstStepActivities,
) -> None:
    intent = TakeUpOrder(**intent_for("o1").model_dump())

    with pytest.raises(ApplicationError) as error:
        await first.reserve_stock(intent.model_copy(update={"accepted_at_ms": 1}))

    assert (error.value.type, error.value.non_retryable) == (ITEM_NOT_PREHEATED, False)
    assert (await first.reserve_stock(intent)).rejected is RejectReason.NOT_FOUND


# Reserved and placed in one.


async def test_both_are_done_once_however_often_and_found_if_done_ahead(
    first: FirstStepActivities, gate: StockGate, database: Database, item: Item
) -> None:
    new = an_order(item)
    ahead = await place(database, item, "bob")
    await _accepted(gate, ahead)

    for order in (new, new, ahead):
        answer = await first.reserve_stock(_take_up(order.intent))
        assert answer.placed is not None
        assert answer.placed.order == order

    assert await figures(database, item) == (STOCK - 2, 2, 0)
    assert await stock_left(gate, item.ref) == STOCK - 2


async def test_what_was_begun_ahead_is_told(
    first: FirstStepActivities, database: Database, item: Item
) -> None:
    payment = await begin(database, a_payment(order := await place(database, item)))

    answer = await first.reserve_stock(_take_up(order.intent))

    assert answer.placed is not None
    assert answer.placed.open_payments == (payment,)


async def test_what_redis_refuses_and_postgres_never_had_is_rejected(
    first: FirstStepActivities, database: Database, item: Item
) -> None:
    order = an_order(item, quantity=item.per_user_limit + 1)

    answer = await first.reserve_stock(_take_up(order.intent))

    assert answer.rejected is RejectReason.LIMIT_REACHED
    assert answer.placed is not None
    assert answer.placed.refused is RejectReason.LIMIT_REACHED
    assert await figures(database, item) == (STOCK, 0, 0)


async def test_an_order_that_stands_is_held_again_though_redis_gave_its_unit_to_others(
    first: FirstStepActivities, gate: StockGate, database: Database, item: Item
) -> None:
    order = await place(database, item)
    others = [
        Reservation(
            order_id="other",
            user_id="bob",
            quantity=STOCK,
            state=ReservationState.HELD,
            reserved_at_ms=1,
        )
    ]
    await gate.rebuild(terms_of(item.ref), 0, others)

    for _ in range(2):
        answer = await first.reserve_stock(_take_up(order.intent))
        assert answer.rejected is None
        assert answer.placed is not None
        assert answer.placed.order == order

    assert await _state(gate, order) is ReservationState.HELD
    assert await stock_left(gate, item.ref) == 0
    assert await _drifts(database) == [order.order_id]


async def _drifts(database: Database) -> list[str]:
    async with database.transaction() as connection:
        found = await Attentions(connection).open_subjects(AttentionKind.STOCK_DRIFT, "")
    return sorted(found)


async def test_an_order_that_stands_goes_on_without_an_item_in_redis(
    first: FirstStepActivities, gate: StockGate, database: Database, item: Item
) -> None:
    order = await place(database, item)
    await gate.retire(item.item_number, item.ref)
    accepted = order.intent.model_copy(update={"accepted_at_ms": 1})

    answer = await first.reserve_stock(_take_up(accepted))

    assert answer.placed is not None
    assert answer.placed.order == order


async def test_what_redis_still_holds_of_an_order_that_is_over_goes_back(
    first: FirstStepActivities, gate: StockGate, database: Database, item: Item
) -> None:
    order = await place(database, item)
    await _accepted(gate, order)
    await cancel(database, order)

    answer = await first.reserve_stock(_take_up(order.intent))

    assert answer.placed is not None
    assert answer.placed.to_pay.status is OrderStatus.CANCELLED
    assert await _state(gate, order) is ReservationState.RELEASED
    assert await stock_left(gate, item.ref) == STOCK


async def test_a_unit_that_was_promised_in_vain_does_not_go_back_on_sale(
    first: FirstStepActivities, gate: StockGate, database: Database, item: Item
) -> None:
    """An earlier run has put the rejection on record, and no more."""
    order = an_order(item)
    await _accepted(gate, order)
    rejection = RejectOrder(intent=order.intent, reason=RejectReason.SOLD_OUT, drift=True)
    await OrderActivities(database).reject_order(rejection)

    answer = await first.reserve_stock(_take_up(order.intent))

    assert answer.placed is not None
    assert answer.placed.to_pay.status is OrderStatus.REJECTED
    assert await _state(gate, order) is ReservationState.RELEASED
    assert await stock_left(gate, item.ref) == STOCK - 1


async def test_what_is_paid_or_given_back_is_told_and_left_alone(
    first: FirstStepActivities, gate: StockGate, database: Database, item: Item
) -> None:
    order = await place(database, item)
    await _accepted(gate, order)
    await StockActivities(gate).confirm_stock(order.intent)
    payment = await pay(database, order)

    seen = [await first.reserve_stock(_take_up(order.intent))]
    await give_back(database, order, payment)
    seen.append(await first.reserve_stock(_take_up(order.intent)))

    statuses = [answer.placed.to_pay.status for answer in seen if answer.placed]
    assert statuses == [OrderStatus.PAID, OrderStatus.REFUNDED]
    # Its stock is the refund's.
    assert await _state(gate, order) is ReservationState.SOLD
