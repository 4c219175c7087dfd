"""A payment is written down before a provider may collect it, and offered once."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.payments import OfferPayment, PaymentActivities, PaymentRef
from domain.attention import AttentionKind
from domain.errors import ErrorCode
from domain.gateway_errors import UnreadableAnswer
from domain.order import Order
from domain.payment import (
    ClosedTrade,
    Payment,
    PaymentMethod,
    PaymentScene,
    Trade,
    TradeState,
)
from domain.states import PaymentStatus
from infra.gateways.protocol import Gateway
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.refunds import Refunds
from tests.support.gateway_double import GatewayDouble
from tests.support.ledger import open_item, place
from tests.support.values import NOON, a_payment, a_refund

MINUTE = timedelta(minutes=1)


def _offer(order: Order) -> OfferPayment:
    payment = a_payment(order).model_copy(update={"scene": PaymentScene.QR})
    return OfferPayment(payment=payment, subject="A mug", actor="buyer:ada")


def _activities(database: Database, gateway: GatewayDouble) -> PaymentActivities:
    gateways: Mapping[PaymentMethod, Gateway] = {gateway.method: gateway}
    return PaymentActivities(database, gateways)


async def _begin(activities: PaymentActivities, offer: OfferPayment) -> Payment:
    return await ActivityEnvironment().run(activities.begin_payment, offer)


async def _written(database: Database, payment: Payment) -> Payment | None:
    async with database.transaction() as connection:
        return await Payments(connection).get(payment.payment_id)


async def _events(database: Database, order: Order) -> list[str]:
    async with database.transaction() as connection:
        dossier = await Orders(connection).dossier(order.order_id)
    assert dossier is not None
    return [event.event for event in dossier.events]


async def test_a_payment_is_offered_as_it_is_written(database: Database) -> None:
    gateway, order = GatewayDouble(), await place(database, await open_item(database))
    offer = _offer(order)

    begun = await _begin(_activities(database, gateway), offer)

    assert begun.action is not None
    assert await _written(database, begun) == begun
    charge = gateway.charges[begun.payment_id]
    assert charge == offer.payment.charge_for("A mug")
    assert (charge.amount, charge.currency, charge.expires_at) == (
        order.amount,
        order.currency,
        offer.payment.expires_at,
    )


async def test_a_payment_begun_again_is_the_same_one(database: Database) -> None:
    order = await place(database, await open_item(database))
    activities = _activities(database, GatewayDouble())

    assert await _begin(activities, _offer(order)) == await _begin(activities, _offer(order))

    assert (await _events(database, order)).count("payment_begun") == 1


async def test_what_is_asked_for_again_comes_with_the_same_last_moment(
    database: Database,
) -> None:
    """A provider refuses a number that it knows with another one."""
    gateway, order = GatewayDouble(), await place(database, await open_item(database))
    first = _offer(order)
    gateway.away = True
    with pytest.raises(ApplicationError):
        await _begin(_activities(database, gateway), first)
    gateway.away = False

    later = {
        "created_at": first.payment.created_at + MINUTE,
        "expires_at": first.payment.expires_at + MINUTE,
    }
    second = first.model_copy(update={"payment": first.payment.model_copy(update=later)})
    begun = await _begin(_activities(database, gateway), second)

    assert gateway.charges[begun.payment_id].expires_at == first.payment.expires_at
    assert begun.expires_at == first.payment.expires_at
    assert await _written(database, begun) == begun


async def test_what_is_asked_for_again_when_its_last_moment_is_over_has_a_new_one(
    database: Database,
) -> None:
    gateway, order = GatewayDouble(), await place(database, await open_item(database))
    first = _offer(order)
    gateway.away = True
    with pytest.raises(ApplicationError):
        await _begin(_activities(database, gateway), first)
    gateway.away = False

    later = {
        "created_at": first.payment.expires_at + MINUTE,
        "expires_at": first.payment.expires_at + 2 * MINUTE,
    }
    second = first.model_copy(update={"payment": first.payment.model_copy(update=later)})
    begun = await _begin(_activities(database, gateway), second)

    assert gateway.charges[begun.payment_id].expires_at == second.payment.expires_at
    assert begun.expires_at == second.payment.expires_at
    assert await _written(database, begun) == begun


async def test_what_a_provider_may_have_heard_is_on_record(database: Database) -> None:
    gateway, order = GatewayDouble(), await place(database, await open_item(database))
    gateway.away = True
    offer = _offer(order)

    with pytest.raises(ApplicationError) as error:
        await _begin(_activities(database, gateway), offer)

    assert (error.value.type, error.value.non_retryable) == (ErrorCode.UNAVAILABLE, False)
    written = await _written(database, offer.payment)
    assert written is not None
    assert (written.status, written.action) == (PaymentStatus.CREATED, None)


async def test_a_method_that_is_not_set_up_is_refused(database: Database) -> None:
    order = await place(database, await open_item(database))
    ref = PaymentRef(payment_id="P", order_id=order.order_id, method=PaymentMethod.WECHATPAY)

    with pytest.raises(ApplicationError) as error:
        await ActivityEnvironment().run(_activities(database, GatewayDouble()).query_payment, ref)

    assert (error.value.type, error.value.non_retryable) == (ErrorCode.INVALID, True)


async def test_closing_ends_a_payment_or_learns_that_it_was_paid(database: Database) -> None:
    gateway, order = GatewayDouble(), await place(database, await open_item(database))
    activities = _activities(database, gateway)
    payment = await _begin(activities, _offer(order))
    ref = PaymentRef(payment_id=payment.payment_id, order_id=order.order_id, method=payment.method)
    assert (await activities.query_payment(ref)).state is TradeState.WAITING

    receipt = gateway.pay(payment.payment_id)

    assert (await activities.query_payment(ref)).receipt == receipt
    assert (await activities.close_payment(ref)).receipt == receipt


async def test_the_shape_of_before_is_read(database: Database) -> None:
    order = await place(database, await open_item(database))
    told = {
        "payment_id": f"{order.order_id}A1",
        "order_id": order.order_id,
        "method": "alipay",
        "scene": "qr",
        "amount": 8800,
        "currency": "CNY",
        "subject": "A mug",
        "begun_at": NOON.isoformat(),
        "expires_at": NOON.isoformat(),
        "actor": "buyer:ada",
    }

    offer = OfferPayment.model_validate(told)

    assert (offer.subject, offer.actor) == ("A mug", "buyer:ada")
    assert offer.payment == Payment(
        payment_id=f"{order.order_id}A1",
        order_id=order.order_id,
        method=PaymentMethod.ALIPAY,
        scene=PaymentScene.QR,
        status=PaymentStatus.CREATED,
        amount=8800,
        currency="CNY",
        expires_at=NOON,
        created_at=NOON,
    )


def _ref(payment: Payment) -> PaymentRef:
    return PaymentRef(
        payment_id=payment.payment_id, order_id=payment.order_id, method=payment.method
    )


class GivenBack(GatewayDouble):
    """A provider in whose console somebody gives back whatever was paid."""

    async def query(self, payment_id: str) -> Trade:
        trade = await super().query(payment_id)
        return Trade(state=TradeState.CLOSED, returned=trade.receipt)

    async def close(self, payment_id: str) -> ClosedTrade:
        return ClosedTrade(returned=(await super().close(payment_id)).receipt)


async def test_money_that_went_back_without_us_is_told_to_a_person_once(
    database: Database,
) -> None:
    gateway, order = GivenBack(), await place(database, await open_item(database))
    activities = _activities(database, gateway)
    payment = await _begin(activities, _offer(order))
    receipt, ref = gateway.pay(payment.payment_id), _ref(payment)

    for _ in range(2):
        asked = await ActivityEnvironment().run(activities.query_payment, ref)
        closed = await ActivityEnvironment().run(activities.close_payment, ref)
        assert (asked.receipt, closed.receipt) == (None, None)

    async with database.transaction() as connection:
        (open_one,), _ = await Attentions(connection).open_(None, 10)
    assert (open_one.kind, open_one.subject) == (AttentionKind.SURPLUS_MONEY, receipt.trade_no)
    assert open_one.order_id == order.order_id


async def test_money_that_we_gave_back_ourselves_is_nobodys_business(database: Database) -> None:
    gateway, order = GivenBack(), await place(database, await open_item(database))
    activities = _activities(database, gateway)
    payment = await _begin(activities, _offer(order))
    gateway.pay(payment.payment_id)
    async with database.transaction() as connection:
        await Orders(connection).show_change(order.order_id)
        await Refunds(connection).request(a_refund(payment))

    await ActivityEnvironment().run(activities.query_payment, _ref(payment))

    async with database.transaction() as connection:
        assert await Attentions(connection).open_(None, 10) == ([], None)


@pytest.mark.parametrize("step", ["query_payment", "close_payment"])
async def test_a_trade_nobody_can_read_is_told_to_a_person_until_it_can_be(
    database: Database, step: str
) -> None:
    gateway, order = GatewayDouble(), await place(database, await open_item(database))
    activities = _activities(database, gateway)
    begun = await _begin(activities, _offer(order))
    ref = PaymentRef(payment_id=begun.payment_id, order_id=order.order_id, method=begun.method)
    gateway.speaks_nonsense_of.add(begun.payment_id)

    with pytest.raises(UnreadableAnswer):
        await ActivityEnvironment().run(getattr(activities, step), ref)
    assert await _stuck(database) == [f"answer:{begun.payment_id}"]

    gateway.speaks_nonsense_of.clear()
    await ActivityEnvironment().run(getattr(activities, step), ref)
    assert await _stuck(database) == []


async def _stuck(database: Database) -> list[str]:
    async with database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 10)
    return [row.subject for row in rows if row.kind is AttentionKind.STEP_STUCK]
