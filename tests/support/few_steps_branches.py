"""The branches of an order whose first step does two things and whose settling hands over: what is
found done, by whomever, costs the workflow no step of its own."""

from datetime import UTC, datetime

from activities.orders import EndOrder, OrderActivities, PlaceOrder
from domain.reservation import Intent
from domain.states import OrderStatus
from tests.support.branches import Branch, Handle, begin
from tests.support.ledger import give_back
from tests.support.shop import POINTS_PRICE, Shop
from tests.support.unlucky_branches import settled_in_a_lost_task
from workflows.order import OrderWorkflow


async def _placed(shop: Shop, intent: Intent) -> OrderActivities:
    orders = OrderActivities(shop.database)
    await orders.place_order(PlaceOrder(intent=intent, placed_at=datetime.now(UTC)))
    return orders


async def _ended_before(shop: Shop, intent: Intent) -> None:
    end = EndOrder(intent=intent, status=OrderStatus.CANCELLED, reason="changed my mind")
    await (await _placed(shop, intent)).cancel_order(end)


async def _redis_gave_it_back(shop: Shop, intent: Intent) -> None:
    """Although the order stands in Postgres."""
    await _placed(shop, intent)
    await shop.gate.release(intent.item, intent.order_id)


async def _given_back_before(shop: Shop, intent: Intent) -> None:
    await _placed(shop, intent)
    await settled_in_a_lost_task(shop, intent.order_id)
    dossier = await shop.dossier(intent.order_id)
    await give_back(shop.database, dossier.order, dossier.payments[0])


async def _refused_by_postgres(shop: Shop, intent: Intent) -> None:
    """Redis knows nothing of what the buyer has already."""
    for number in range(shop.item.per_user_limit):
        other = intent.model_copy(update={"order_id": f"{intent.order_id[:-1]}{number}"})
        await _placed(shop, other)


async def _pay(shop: Shop, intent: Intent, handle: Handle) -> None:
    payment = await begin(shop, handle)
    await handle.signal(OrderWorkflow.payment_noticed, shop.alipay.pay(payment.payment_id))


async def _pay_with_points(shop: Shop, intent: Intent, handle: Handle) -> None:
    await shop.grant_points(intent.user_id, POINTS_PRICE)
    await shop.pay_with_points(handle)


async def _begin_and_wait(shop: Shop, intent: Intent, handle: Handle) -> None:
    await begin(shop, handle)


async def _cancel(shop: Shop, intent: Intent, handle: Handle) -> None:
    await shop.cancel(handle)


async def _nothing(shop: Shop, intent: Intent, handle: Handle) -> None:
    return


FEW_STEPS_BRANCHES = (
    Branch("few steps and paid", _pay, ("reserve_stock",), OrderStatus.FULFILLED),
    Branch("few steps and paid with points", _pay_with_points, (), OrderStatus.FULFILLED),
    Branch(
        "few steps and timed out",
        _begin_and_wait,
        ("reserve_stock",),
        OrderStatus.TIMED_OUT,
        waits_for_the_clock=True,
    ),
    Branch(
        "few steps of what only Postgres has",
        _pay,
        ("reserve_stock",),
        OrderStatus.FULFILLED,
        before=_redis_gave_it_back,
    ),
    Branch(
        "ended before it began",
        _nothing,
        ("reserve_stock",),
        OrderStatus.CANCELLED,
        before=_ended_before,
    ),
    # Ended and given back by one local activity.
    Branch(
        "few events and cancelled",
        _cancel,
        ("close_order", "cancel_order"),
        OrderStatus.CANCELLED,
    ),
    Branch(
        "few events and timed out",
        _nothing,
        ("close_order", "cancel_order"),
        OrderStatus.TIMED_OUT,
        waits_for_the_clock=True,
    ),
    Branch(
        "few events and timed out with a payment",
        _begin_and_wait,
        ("close_order", "close_payment", "cancel_order"),
        OrderStatus.TIMED_OUT,
        waits_for_the_clock=True,
    ),
    # These leave figures that no sale of the tests of faults would have.
    Branch(
        "given back before it began", _nothing, (), OrderStatus.REFUNDED, before=_given_back_before
    ),
    Branch("refused by Postgres", _nothing, (), OrderStatus.REJECTED, before=_refused_by_postgres),
)
