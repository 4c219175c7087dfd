"""Refunds in our books: each once, never more than came, and a whole one undoes its order."""

import asyncio

import pytest

from activities.refunds import FailRefund, FinishRefund, RefundActivities, ReopenRefund
from domain.attention import AttentionKind
from domain.order import Order, OrderDossier
from domain.payment import Payment
from domain.refund import SURPLUS, RefundReason, RefundRequest
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.ledger import begin, cancel, figures, money_of, open_item, pay, place
from tests.support.values import PRICE, a_payment, a_receipt

EVE, WHY = "operator:eve", "paid by bank transfer"


@pytest.fixture
async def order(database: Database) -> Order:
    return await place(database, await open_item(database))


@pytest.fixture
async def payment(database: Database, order: Order) -> Payment:
    """What the order has been paid with."""
    return await pay(database, order)


@pytest.fixture
def activities(database: Database) -> RefundActivities:
    return RefundActivities(database)


def _request(
    payment: Payment,
    reason: RefundReason = RefundReason.ORDER,
    *,
    amount: int = PRICE,
    part: int = 0,
) -> RefundRequest:
    return RefundRequest(
        order_id=payment.order_id,
        receipt=a_receipt(payment),
        amount=amount,
        currency="CNY",
        reason=reason,
        note="",
        actor="buyer:ada",
        part=part,
    )


def _finish(request: RefundRequest, actor: str = "", reason: str = "") -> FinishRefund:
    return FinishRefund(
        order_id=request.order_id,
        refund_id=request.refund_id,
        receipt=request.receipt,
        actor=actor,
        reason=reason,
    )


def _fail(request: RefundRequest) -> FailRefund:
    return FailRefund(order_id=request.order_id, refund_id=request.refund_id, detail="frozen")


async def _dossier(database: Database, order: Order) -> OrderDossier:
    async with database.transaction() as connection:
        dossier = await Orders(connection).dossier(order.order_id)
    assert dossier is not None
    return dossier


async def _open_attentions(database: Database) -> list[tuple[AttentionKind, str]]:
    async with database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 10)
    return [(row.kind, row.subject) for row in rows]


async def test_the_whole_way_undoes_the_order_once(
    database: Database, activities: RefundActivities, order: Order, payment: Payment
) -> None:
    request = _request(payment)
    opened = [await activities.open_refund(request) for _ in range(2)]
    assert [one.refund and one.refund.status for one in opened] == [RefundStatus.REQUESTED] * 2
    assert (await _dossier(database, order)).order.status is OrderStatus.REFUNDING

    for _ in range(2):
        assert (await activities.finish_refund(_finish(request))).status is RefundStatus.DONE

    dossier = await _dossier(database, order)
    assert dossier.order.status is OrderStatus.REFUNDED
    assert dossier.payments[0].status is PaymentStatus.REFUNDED
    assert [event.event for event in dossier.events][-2:] == ["refund_requested", "refunded"]
    assert await money_of(database, order.order_id) == (PRICE, PRICE)


async def test_of_many_parts_asked_for_at_once_no_more_goes_back_than_came(
    activities: RefundActivities, payment: Payment
) -> None:
    part = PRICE // 2 + 1
    requests = [
        _request(payment, RefundReason.PARTIAL, amount=part, part=number) for number in (1, 2, 3)
    ]

    opened = await asyncio.gather(*(activities.open_refund(one) for one in requests))

    assert [one.refund is not None for one in opened].count(True) == 1
    refused = {one.refused for one in opened if one.refund is None}
    assert refused == {f"only {PRICE - part} is left to give back"}


async def test_a_part_leaves_order_stock_and_payment_as_they_are(
    database: Database, activities: RefundActivities, order: Order, payment: Payment
) -> None:
    request = _request(payment, RefundReason.PARTIAL, amount=100, part=1)
    await activities.open_refund(request)

    await activities.finish_refund(_finish(request))

    dossier = await _dossier(database, order)
    assert dossier.order.status is OrderStatus.PAID
    assert dossier.payments[0].status is PaymentStatus.PAID


async def test_what_was_not_paid_is_not_given_back(
    database: Database, activities: RefundActivities, order: Order
) -> None:
    begun = await begin(database, a_payment(order))

    opened = await activities.open_refund(_request(begun))

    assert (opened.refund, opened.refused) == (None, "the order is pending_payment")


async def test_another_orders_payment_is_none_of_this_one(
    database: Database, activities: RefundActivities, order: Order
) -> None:
    unknown = a_payment(order).model_copy(update={"payment_id": "P-unknown"})

    opened = await activities.open_refund(_request(unknown))

    assert opened.refused == "there is no such payment of this order"


@pytest.mark.parametrize("reason", sorted(SURPLUS))
async def test_surplus_money_that_cannot_go_back_is_left_to_one_person(
    database: Database, activities: RefundActivities, order: Order, reason: RefundReason
) -> None:
    """Each refusal but the one: nobody asked for this refund, so nobody would hear of it."""
    begun = await begin(database, a_payment(order))
    lost = begun.model_copy(update={"order_id": order.order_id[::-1]})
    unknown = begun.model_copy(update={"payment_id": "P-unknown"})
    await activities.open_refund(_request(begun, reason))
    promised = _request(begun, reason, part=1)

    for refused in (_request(lost, reason), _request(unknown, reason), promised):
        for _ in range(2):
            assert (await activities.open_refund(refused)).refund is None

    assert await _open_attentions(database) == [
        (AttentionKind.SURPLUS_MONEY, f"T{begun.payment_id}"),
        (AttentionKind.SURPLUS_MONEY, "TP-unknown"),
    ]


async def test_who_is_refused_the_refund_he_asked_for_is_the_one_who_hears_it(
    database: Database, activities: RefundActivities, order: Order
) -> None:
    begun = await begin(database, a_payment(order))
    for payment in (begun, begun.model_copy(update={"payment_id": "P-unknown"})):
        assert (await activities.open_refund(_request(payment))).refused

    assert await _open_attentions(database) == []


async def test_late_money_is_on_the_ledger_as_soon_as_its_refund_is(
    database: Database, activities: RefundActivities, order: Order
) -> None:
    begun = await begin(database, a_payment(order))
    await cancel(database, order)

    opened = await activities.open_refund(_request(begun, RefundReason.LATE_PAYMENT))

    assert opened.refund is not None
    assert await money_of(database, order.order_id) == (PRICE, 0)


async def test_the_money_that_paid_an_order_is_no_surplus(
    database: Database, activities: RefundActivities, payment: Payment
) -> None:
    opened = await activities.open_refund(_request(payment, RefundReason.LATE_PAYMENT))

    assert (opened.refund, opened.refused) == (None, "the order was paid with this money")
    assert await _open_attentions(database) == []


async def test_what_fails_needs_one_person_who_may_have_it_tried_again(
    database: Database, activities: RefundActivities, order: Order, payment: Payment
) -> None:
    request = _request(payment)
    await activities.open_refund(request)
    for _ in range(2):
        await activities.fail_refund(_fail(request))
    assert await _open_attentions(database) == [(AttentionKind.REFUND_FAILED, request.refund_id)]

    reopen = ReopenRefund(
        order_id=order.order_id, refund_id=request.refund_id, actor=EVE, reason=WHY
    )
    for _ in range(2):
        assert (await activities.reopen_refund(reopen)).status is RefundStatus.REQUESTED

    assert await _open_attentions(database) == []
    events = [event.event.value for event in (await _dossier(database, order)).events]
    assert (events.count("refund_failed"), events.count("refund_retried")) == (1, 1)


async def test_what_was_given_back_by_hand_says_by_whom(
    database: Database, activities: RefundActivities, order: Order, payment: Payment
) -> None:
    request = _request(payment)
    await activities.open_refund(request)
    await activities.fail_refund(_fail(request))

    await activities.finish_refund(_finish(request, EVE, WHY))

    last = (await _dossier(database, order)).events[-1]
    assert (last.event, last.actor) == ("refunded", EVE)
    assert WHY in last.detail
    assert await _open_attentions(database) == []


async def test_a_refunded_unit_is_on_sale_again(
    database: Database, activities: RefundActivities
) -> None:
    item = await open_item(database)
    order = await place(database, item)
    request = _request(await pay(database, order))
    await activities.open_refund(request)
    assert await figures(database, item) == (9, 0, 1)

    await activities.finish_refund(_finish(request))

    assert await figures(database, item) == (10, 0, 0)
