"""The branches of the order saga that only ill luck leads to: stores that disagree, tasks that were
lost, buyers and operators who act at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.orders import OrderActivities, PlaceOrder, RejectOrder
from activities.payments import OfferPayment, PaymentActivities
from activities.settlements import SettlementActivities, SettlePayment
from domain.errors import ErrorCode
from domain.ids import workflow_id
from domain.order import RejectReason
from domain.payment import (
    POINTS_CURRENCY,
    Payment,
    PaymentMethod,
    PaymentScene,
    payment_id_for,
)
from domain.reservation import Intent, StockReturn
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.payments import Payments
from infra.postgres.points import Points
from tests.support.branches import Branch, Handle, TooLateToPay, begin
from tests.support.deadlines import extend
from tests.support.polling import until
from tests.support.shop import POINTS_PRICE, PRICE, Shop
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment, OrderOutcome, PayWithPoints

ACTOR = "buyer:ada"


# What was before.


async def only_postgres_has_it(shop: Shop, intent: Intent) -> None:
    place = PlaceOrder(intent=intent, placed_at=datetime.now(UTC))
    await OrderActivities(shop.database).place_order(place)
    await shop.gate.release(intent.item, intent.order_id, StockReturn.DROP)


async def _rejected_before(shop: Shop, intent: Intent) -> None:
    rejection = RejectOrder(intent=intent, reason=RejectReason.LIMIT_REACHED)
    await OrderActivities(shop.database).reject_order(rejection)


# What a lost task has done.


async def begun_in_a_lost_task(shop: Shop, order_id: str) -> Payment:
    """A payment that Postgres and its provider know, and its workflow does not."""
    order = (await shop.dossier(order_id)).order
    payment = Payment(
        payment_id=payment_id_for(order_id, PaymentMethod.ALIPAY, 1),
        order_id=order_id,
        method=PaymentMethod.ALIPAY,
        scene=PaymentScene.PAGE,
        status=PaymentStatus.CREATED,
        amount=PRICE,
        currency="CNY",
        expires_at=order.pay_deadline or order.created_at,
        created_at=order.created_at,
    )
    offer = OfferPayment(payment=payment, subject="a teapot", actor=ACTOR)
    return await PaymentActivities(shop.database, shop.gateways()).begin_payment(offer)


async def points_taken_by_the_release_before(shop: Shop, order_id: str) -> Payment:
    """Which settled them afterwards. Nobody has heard of the payment, and it has expired."""
    order = (await shop.dossier(order_id)).order
    payment = Payment(
        payment_id=payment_id_for(order_id, PaymentMethod.POINTS, 1),
        order_id=order_id,
        method=PaymentMethod.POINTS,
        status=PaymentStatus.CREATED,
        amount=POINTS_PRICE,
        currency=POINTS_CURRENCY,
        expires_at=order.created_at,
        created_at=order.created_at,
    )
    async with shop.database.transaction() as connection:
        await Payments(connection).insert(payment)
        points = Points(connection)
        await points.debit(order_id, order.user_id, POINTS_PRICE, payment.payment_id)
    return payment


async def settled_in_a_lost_task(shop: Shop, order_id: str) -> None:
    receipt = shop.alipay.pay((await begun_in_a_lost_task(shop, order_id)).payment_id)
    settle = SettlePayment(order_id=order_id, receipt=receipt)
    await SettlementActivities(shop.database).settle_payment(settle)


async def until_it_waits(shop: Shop, intent: Intent) -> None:
    async def waits() -> bool:
        with contextlib.suppress(AssertionError):
            status = (await shop.dossier(intent.order_id)).order.status
            return status is OrderStatus.PENDING_PAYMENT
        return False

    await until(waits, "an order that waits for its payment")


def handle_of(shop: Shop, intent: Intent) -> Handle:
    """Of the order's newest run."""
    name = workflow_id(intent.order_id)
    return shop.client.get_workflow_handle(name, result_type=OrderOutcome)


async def rebuild_without_reservations(shop: Shop, *, stock: int) -> None:
    """Redis as it would be without this order."""
    terms = await shop.gate.terms(shop.item.ref)
    assert terms is not None
    await shop.gate.rebuild(terms, stock, [])


async def _settle_behind_its_back(shop: Shop, intent: Intent, handle: Handle) -> None:
    await until_it_waits(shop, intent)
    await settled_in_a_lost_task(shop, intent.order_id)
    with contextlib.suppress(WorkflowUpdateFailedError):
        await shop.cancel(handle)


async def _pay_what_was_begun_behind_its_back(shop: Shop, intent: Intent, handle: Handle) -> None:
    await until_it_waits(shop, intent)
    shop.alipay.pay((await begun_in_a_lost_task(shop, intent.order_id)).payment_id)
    with contextlib.suppress(WorkflowUpdateFailedError):
        await shop.cancel(handle)


# What buyers and operators do.


async def _pay(shop: Shop, intent: Intent, handle: Handle) -> None:
    payment = await begin(shop, handle)
    await handle.signal(OrderWorkflow.payment_noticed, shop.alipay.pay(payment.payment_id))


async def _insist(ask: Callable[[], Awaitable[Any]]) -> Any:
    """As a patient buyer does: again, when the answer is `try again`."""
    while True:
        try:
            return await ask()
        except RPCError as error:
            raise TooLateToPay from error
        except WorkflowUpdateFailedError as error:
            if getattr(error.cause, "type", "") == ErrorCode.INVALID_STATE:
                raise TooLateToPay from error


async def _pay_with_points_in_two_goes(shop: Shop, intent: Intent, handle: Handle) -> None:
    """Nobody hears that the points were taken, and the payment expires before the next go."""
    await shop.grant_points(intent.user_id, POINTS_PRICE)
    await until_it_waits(shop, intent)
    await points_taken_by_the_release_before(shop, intent.order_id)
    second = PayWithPoints(actor=ACTOR)
    await _insist(lambda: handle.execute_update(OrderWorkflow.pay_with_points, second))


async def _begin_twice_and_cancel(shop: Shop, intent: Intent, handle: Handle) -> None:
    await begin(shop, handle)
    other = BeginPayment(method=PaymentMethod.WECHATPAY, scene=PaymentScene.QR, actor=ACTOR)
    await _insist(lambda: handle.execute_update(OrderWorkflow.begin_payment, other))
    await shop.cancel(handle)


async def _extend_at_once_and_pay(shop: Shop, intent: Intent, handle: Handle) -> None:
    await asyncio.gather(*(extend(handle, seconds) for seconds in (60, 600, 6)))
    await _pay(shop, intent, handle)


UNLUCKY_BRANCHES = (
    Branch("paid with points in two goes", _pay_with_points_in_two_goes, (), OrderStatus.FULFILLED),
    Branch(
        "closed side by side",
        _begin_twice_and_cancel,
        ("close_payment", "cancel_order"),
        OrderStatus.CANCELLED,
    ),
    Branch(
        "extended at once", _extend_at_once_and_pay, ("extend_deadline",), OrderStatus.FULFILLED
    ),
    Branch(
        "known to Postgres only",
        _pay,
        ("order_stands", "place_order", "confirm_stock"),
        OrderStatus.FULFILLED,
        before=only_postgres_has_it,
    ),
    Branch(
        "rejected before",
        lambda *_: asyncio.sleep(0),
        ("reserve_stock",),
        OrderStatus.REJECTED,
        before=_rejected_before,
    ),
    Branch(
        "settled in a lost task",
        _settle_behind_its_back,
        ("cancel_order", "confirm_stock"),
        OrderStatus.FULFILLED,
    ),
    Branch(
        "begun in a lost task",
        _pay_what_was_begun_behind_its_back,
        ("close_order", "close_payment", "settle_payment"),
        OrderStatus.FULFILLED,
    ),
)
