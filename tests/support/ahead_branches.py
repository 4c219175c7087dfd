"""The branches of the order saga on which something is done ahead of it: a payment is begun, or its
money settled, and the workflow hears of it later, or never."""

import contextlib

from temporalio.client import WorkflowUpdateFailedError

from api.payments import PaymentsAhead
from domain.payment import Payment, PaymentMethod, PaymentScene, Receipt
from domain.reservation import Intent
from domain.states import OrderStatus
from infra.postgres.flights.settling import Money, SettlingFlights
from tests.support.branches import BRANCHES, Branch, Handle, TooLateToPay, begin
from tests.support.few_steps_branches import FEW_STEPS_BRANCHES
from tests.support.shop import Shop
from tests.support.unlucky_branches import UNLUCKY_BRANCHES, until_it_waits
from workflows.order import OrderWorkflow
from workflows.updates import RecheckPayment

ACTOR = "buyer:ada"


async def begin_ahead(shop: Shop, intent: Intent) -> Payment:
    """As the API begins a signed link. Raises TooLateToPay."""
    await until_it_waits(shop, intent)
    ahead = PaymentsAhead(shop.database, shop.gateways())
    page = PaymentMethod.ALIPAY, PaymentScene.PAGE
    payment = await ahead.begin(intent.order_id, ACTOR, *page)
    if payment is None:
        raise TooLateToPay
    return payment


async def settle_ahead(shop: Shop, payment: Payment) -> Receipt:
    """As the inbox does, before it tells anybody."""
    receipt = shop.alipay.pay(payment.payment_id)
    await SettlingFlights(shop.database).settle(Money(payment.order_id, receipt))
    return receipt


async def _settle_and_tell(shop: Shop, intent: Intent, handle: Handle) -> None:
    receipt = await settle_ahead(shop, await begin_ahead(shop, intent))
    await handle.signal(OrderWorkflow.payment_noticed, receipt)


async def _settle_and_cancel(shop: Shop, intent: Intent, handle: Handle) -> None:
    """Whoever settled it has died before anybody was told."""
    await settle_ahead(shop, await begin_ahead(shop, intent))
    with contextlib.suppress(WorkflowUpdateFailedError):
        await shop.cancel(handle)


async def _settle_and_be_told_never(shop: Shop, intent: Intent, handle: Handle) -> None:
    await settle_ahead(shop, await begin_ahead(shop, intent))


async def _begin_and_cancel(shop: Shop, intent: Intent, handle: Handle) -> None:
    await begin_ahead(shop, intent)
    await shop.cancel(handle)


async def _begin_in_both_ways(shop: Shop, intent: Intent, handle: Handle) -> None:
    """Their numbers must not meet, and the one that is not paid is closed."""
    page = await begin_ahead(shop, intent)
    code = await begin(shop, handle)
    assert page.payment_id != code.payment_id
    await handle.signal(OrderWorkflow.payment_noticed, await settle_ahead(shop, code))


async def _pay_and_be_rechecked(shop: Shop, intent: Intent, handle: Handle) -> None:
    shop.alipay.pay((await begin_ahead(shop, intent)).payment_id)
    await handle.execute_update(OrderWorkflow.recheck_payment, RecheckPayment(actor=ACTOR))


AHEAD_BRANCHES = (
    Branch(
        "settled ahead",
        _settle_and_tell,
        ("settle_payment", "confirm_stock", "carry_out"),
        OrderStatus.FULFILLED,
    ),
    Branch(
        "settled ahead and cancelled",
        _settle_and_cancel,
        ("close_order", "cancel_order", "confirm_stock"),
        OrderStatus.FULFILLED,
    ),
    Branch(
        "settled ahead and past its deadline",
        _settle_and_be_told_never,
        ("close_order", "cancel_order", "confirm_stock"),
        OrderStatus.FULFILLED,
        waits_for_the_clock=True,
    ),
    Branch(
        "begun ahead and cancelled",
        _begin_and_cancel,
        ("close_order", "close_payment", "cancel_order", "release_stock"),
        OrderStatus.CANCELLED,
    ),
    Branch(
        "begun ahead and besides",
        _begin_in_both_ways,
        ("begin_payment", "settle_payment", "close_payment"),
        OrderStatus.FULFILLED,
    ),
    Branch(
        "few steps and settled ahead", _settle_and_tell, ("settle_payment",), OrderStatus.FULFILLED
    ),
    Branch(
        "begun ahead and rechecked",
        _pay_and_be_rechecked,
        ("open_payments", "settle_payment"),
        OrderStatus.FULFILLED,
    ),
)

ORDER_BRANCHES = (*BRANCHES, *UNLUCKY_BRANCHES, *AHEAD_BRANCHES, *FEW_STEPS_BRANCHES)
