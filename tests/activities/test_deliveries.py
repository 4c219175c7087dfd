"""What a paid order is owed, step by step: each thing once in effect, however often it is tried."""

import asyncio

import pytest
from sqlalchemy import text

from activities.deliveries import (
    DeliverOne,
    DeliveryActivities,
    GiveUpDelivery,
    Owed,
    PaidOrder,
    SkipDelivery,
    skip_if_given_back,
)
from domain.attention import Attention
from domain.delivery import DeliveryKind
from domain.order import EventKind, Order, OrderDossier
from domain.payment import FlowKind
from domain.states import DeliveryStatus, OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows
from infra.postgres.points import Points
from tests.support.ledger import open_item, pay, place
from tests.support.polling import until
from tests.support.sender_double import SenderDouble
from tests.support.values import PRICE

MESSAGE = DeliveryKind.MESSAGE
EVE, WHY = "operator:eve", "the mail server is back"


@pytest.fixture
async def order(database: Database) -> Order:
    """One that has just been paid."""
    placed = await place(database, await open_item(database))
    await pay(database, placed)
    return placed


@pytest.fixture
def sender() -> SenderDouble:
    return SenderDouble()


@pytest.fixture
def activities(database: Database, sender: SenderDouble) -> DeliveryActivities:
    return DeliveryActivities(database, sender)


async def _dossier(database: Database, order: Order) -> OrderDossier:
    async with database.transaction() as connection:
        dossier = await Orders(connection).dossier(order.order_id)
    assert dossier is not None
    return dossier


async def _attentions(database: Database) -> list[Attention]:
    async with database.transaction() as connection:
        return (await Attentions(connection).page(None, 10))[0]


async def _refund_begins(database: Database, order: Order) -> None:
    async with database.transaction() as connection:
        await Orders(connection).change_status(
            order.order_id, OrderStatus.PAID, OrderStatus.REFUNDING
        )


async def test_all_is_delivered_once_however_often_it_is_tried(
    database: Database, activities: DeliveryActivities, sender: SenderDouble, order: Order
) -> None:
    paid = PaidOrder(order_id=order.order_id)

    for _ in range(2):
        assert await activities.carry_out(paid) == Owed(order_status=OrderStatus.FULFILLED)

    assert sender.sent == {f"{order.order_id}-order_paid"}
    async with database.transaction() as connection:
        assert await Points(connection).balance("ada") == PRICE // 100
    events = [event.event for event in (await _dossier(database, order)).events]
    assert events.count(EventKind.FULFILLED) == 1


async def test_what_fails_is_counted_and_keeps_nothing_else_back(
    database: Database, activities: DeliveryActivities, sender: SenderDouble, order: Order
) -> None:
    sender.fails[order.order_id] = 2
    paid = PaidOrder(order_id=order.order_id)

    first, second = [await activities.carry_out(paid) for _ in range(2)]

    assert [(one.kind, one.attempts) for one in first.open] == [(MESSAGE, 1)]
    assert [(one.kind, one.attempts) for one in second.open] == [(MESSAGE, 2)]
    assert "nobody is there" in first.open[0].detail
    assert await activities.carry_out(paid) == Owed(order_status=OrderStatus.FULFILLED)


async def test_what_is_given_up_is_raised_once_and_a_retry_resolves_it(
    database: Database, activities: DeliveryActivities, sender: SenderDouble, order: Order
) -> None:
    sender.fails[order.order_id] = 1
    await activities.carry_out(PaidOrder(order_id=order.order_id))
    give_up = GiveUpDelivery(order_id=order.order_id, kind=MESSAGE, error="nobody is there")

    for _ in range(2):
        assert (await activities.give_up_delivery(give_up)).status is DeliveryStatus.FAILED
    (raised,) = await _attentions(database)
    assert raised.resolved_at is None

    retry = DeliverOne(order_id=order.order_id, kind=MESSAGE, actor=EVE, reason=WHY)
    assert (await activities.deliver_one(retry)).status is DeliveryStatus.DONE
    (resolved,) = await _attentions(database)
    assert (resolved.resolved_by, resolved.resolution) == (EVE, WHY)


async def test_what_is_done_can_be_neither_given_up_nor_skipped(
    database: Database, activities: DeliveryActivities, order: Order
) -> None:
    await activities.carry_out(PaidOrder(order_id=order.order_id))
    give_up = GiveUpDelivery(order_id=order.order_id, kind=MESSAGE, error="late")
    skip = SkipDelivery(order_id=order.order_id, kind=MESSAGE, actor=EVE, reason=WHY)

    assert (await activities.give_up_delivery(give_up)).status is DeliveryStatus.DONE
    assert (await activities.skip_delivery(skip)).status is DeliveryStatus.DONE
    assert await _attentions(database) == []


async def test_a_skip_puts_on_record_who_wanted_it(
    database: Database, activities: DeliveryActivities, sender: SenderDouble, order: Order
) -> None:
    sender.fails[order.order_id] = 1
    paid = PaidOrder(order_id=order.order_id)
    await activities.carry_out(paid)
    await activities.give_up_delivery(
        GiveUpDelivery(order_id=order.order_id, kind=MESSAGE, error="nobody is there")
    )
    skip = SkipDelivery(order_id=order.order_id, kind=MESSAGE, actor=EVE, reason=WHY)

    assert (await activities.skip_delivery(skip)).status is DeliveryStatus.SKIPPED

    event = (await _dossier(database, order)).events[-1]
    assert (event.event, event.actor) == ("delivery_skipped", EVE)
    assert WHY in event.detail
    assert await activities.fulfil(paid) == Owed(order_status=OrderStatus.FULFILLED)


async def test_nothing_is_delivered_of_what_is_being_given_back(
    database: Database, activities: DeliveryActivities, sender: SenderDouble, order: Order
) -> None:
    await _refund_begins(database, order)

    owed = await activities.carry_out(PaidOrder(order_id=order.order_id))

    assert owed == Owed(order_status=OrderStatus.REFUNDING)
    assert sender.sent == set()
    deliveries = (await _dossier(database, order)).deliveries
    assert {one.status for one in deliveries} == {DeliveryStatus.SKIPPED}


async def test_only_of_an_order_that_is_given_back_nothing_is_owed(
    database: Database, order: Order
) -> None:
    async def skipped() -> OrderStatus | None:
        async with database.transaction() as connection:
            return await skip_if_given_back(connection, order.order_id)

    assert await skipped() is None
    await _refund_begins(database, order)
    assert await skipped() is OrderStatus.REFUNDING


async def test_an_order_is_not_owed_what_it_never_was(activities: DeliveryActivities) -> None:
    with pytest.raises(LookupError):
        await activities.fulfil(PaidOrder(order_id="unknown"))
    with pytest.raises(LookupError):
        await activities.deliver_one(DeliverOne(order_id="unknown", kind=MESSAGE))


async def test_what_went_back_while_an_award_was_worked_out_earns_nothing(
    database: Database, activities: DeliveryActivities, order: Order
) -> None:
    """The award waits for the order's lock, and was reckoned before: for money that is gone."""
    paid = PaidOrder(order_id=order.order_id)
    (payment,) = (await _dossier(database, order)).payments

    async def one_waits() -> bool:
        async with database.transaction() as other:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return bool((await other.execute(text(waiting))).scalar_one())

    async with database.transaction() as connection:
        await Orders(connection).lock(order.order_id)
        delivering = asyncio.create_task(activities.carry_out(paid))
        await until(one_waits)
        await PaymentFlows(connection).record(
            order.order_id, payment.payment_id, payment.method, FlowKind.REFUNDED, "R-1", PRICE // 2
        )
    assert [one.kind for one in (await delivering).open] == [DeliveryKind.POINTS]

    assert await activities.carry_out(paid) == Owed(order_status=OrderStatus.FULFILLED)
    async with database.transaction() as connection:
        assert await Points(connection).balance("ada") == PRICE // 2 // 100
