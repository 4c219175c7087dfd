"""What follows a payment is done with it, and what cannot be is left to the workflow."""

import asyncio

import pytest
from redis.asyncio import Redis

from activities import handing_over
from activities.deliveries import DeliveryActivities, Owed
from activities.handing_over import HandedOver, HandingOver
from activities.settlements import Settled, SettlementActivities, SettlePayment
from activities.stock import StockActivities
from domain.buyer_message import Message
from domain.order import Order
from domain.payment import Receipt
from domain.reservation import ReservationState
from domain.states import OrderStatus
from infra.buyer_messages.protocol import MessageSender
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate
from tests.support.gate import request_for, terms_of
from tests.support.ledger import begin, give_back, open_item, place
from tests.support.sender_double import SenderDouble
from tests.support.values import a_payment, a_receipt


class NeverAnswers(SenderDouble):
    async def send(self, message: Message) -> str:
        await asyncio.Event().wait()
        return ""


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


@pytest.fixture
async def receipt(database: Database, order: Order) -> Receipt:
    return a_receipt(await begin(database, a_payment(order)))


def _handing_over(
    database: Database, gate: StockGate, sender: MessageSender | None = None
) -> HandingOver:
    deliveries = DeliveryActivities(database, sender or SenderDouble())
    return HandingOver(StockActivities(gate), deliveries)


async def _settle(
    database: Database, handing_over: HandingOver, order: Order, receipt: Receipt
) -> Settled:
    command = SettlePayment(order_id=order.order_id, receipt=receipt, intent=order.intent)
    return await SettlementActivities(database, handing_over).settle_payment(command)


async def test_who_settles_hands_over_and_a_repeat_finds_it_done(
    database: Database, gate: StockGate, order: Order, receipt: Receipt
) -> None:
    done = Owed(order_status=OrderStatus.FULFILLED)
    for _ in range(2):
        settled = await _settle(database, _handing_over(database, gate), order, receipt)
        assert (settled.surplus, settled.sold, settled.owed) == (None, True, done)
    reservation = await gate.reservation(order.item, order.order_id)
    assert reservation is not None
    assert reservation.state is ReservationState.SOLD


async def test_money_that_is_surplus_hands_nothing_over(
    database: Database, gate: StockGate, order: Order, receipt: Receipt
) -> None:
    too_much = receipt.model_copy(update={"amount": receipt.amount + 1})

    settled = await _settle(database, _handing_over(database, gate), order, too_much)

    assert settled.surplus is not None
    assert (settled.sold, settled.owed) == (False, None)


async def test_what_is_given_back_meanwhile_is_not_handed_over(
    database: Database, gate: StockGate, order: Order, receipt: Receipt
) -> None:
    await SettlementActivities(database).settle_payment(
        SettlePayment(order_id=order.order_id, receipt=receipt)
    )
    await give_back(database, order, a_payment(order))

    settled = await _settle(database, _handing_over(database, gate), order, receipt)

    assert settled.owed == Owed(order_status=OrderStatus.REFUNDED)
    reservation = await gate.reservation(order.item, order.order_id)
    assert reservation is not None
    assert reservation.state is ReservationState.HELD


async def test_a_redis_that_is_away_keeps_no_delivery_back(
    database: Database, gate: StockGate, order: Order, receipt: Receipt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(gate, "sell", away)

    settled = await _settle(database, _handing_over(database, gate), order, receipt)

    assert not settled.sold
    assert settled.owed == Owed(order_status=OrderStatus.FULFILLED)


async def test_a_receiver_that_never_answers_keeps_no_money_from_being_settled(
    database: Database, gate: StockGate, order: Order, receipt: Receipt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(handing_over, "PATIENCE_SECONDS", 0.2)
    slow = _handing_over(database, gate, NeverAnswers())

    assert await _settle(database, slow, order, receipt) == Settled(sold=True)
    assert await slow.try_to(order.intent) == HandedOver(sold=True, owed=None)
