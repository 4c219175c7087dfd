"""The branches of the order saga, each driven as a buyer, a provider or a clock would."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError

from domain.errors import ErrorCode
from domain.ids import new_order_id
from domain.payment import Payment
from domain.reservation import Intent
from domain.states import OrderStatus
from tests.support.shop import POINTS_PRICE, PRICE, Shop
from workflows.order import OrderWorkflow
from workflows.updates import OrderOutcome

Handle = WorkflowHandle[OrderWorkflow, OrderOutcome]
Drive = Callable[[Shop, Intent, Handle], Awaitable[None]]
Before = Callable[[Shop, Intent], Awaitable[None]]


async def _nothing(_shop: Shop, _intent: Intent) -> None:
    return


@dataclass(frozen=True)
class Branch:
    """`steps` are the activities the branch runs, `end` where it must end whatever fails.
    `before` is what was before its workflow began. `waits_for_the_clock`: it gets there once the
    buyer's time has run out."""

    name: str
    drive: Drive
    steps: tuple[str, ...]
    end: OrderStatus
    accepted: bool = True
    waits_for_the_clock: bool = False
    before: Before = _nothing

    async def intent(self, shop: Shop, user_id: str) -> Intent:
        if self.accepted:
            intent = await shop.intent(user_id)
            await self.before(shop, intent)
            return intent
        # Nobody asked the gate, and the limit is used up: the saga is refused by it.
        await shop.intent(user_id, shop.item.per_user_limit)
        order_id = new_order_id(shop.item.item_number, 1)
        return shop.intent_for(order_id, user_id).model_copy(update={"accepted_at_ms": 0})

    async def play(self, shop: Shop) -> Handle:
        """From beginning to end. Raises RuntimeError when it ends otherwise."""
        intent = await self.intent(shop, self.name)
        handle = await shop.start(intent)
        await self.drive(shop, intent, handle)
        status = (await handle.result()).status
        if status is not self.end:
            raise RuntimeError(f"{self.name} ended {status}, not {self.end}")
        return handle


class TooLateToPay(Exception):
    """The order was over before the provider answered."""


async def begin(shop: Shop, handle: Handle) -> Payment:
    """Begin a payment as a patient buyer does: again, when the answer is `try again`."""
    while True:
        try:
            return await shop.begin_payment(handle)
        except RPCError as error:
            raise TooLateToPay from error
        except WorkflowUpdateFailedError as error:
            if getattr(error.cause, "type", "") == ErrorCode.INVALID_STATE:
                raise TooLateToPay from error


async def _pay(shop: Shop, intent: Intent, handle: Handle) -> None:
    payment = await begin(shop, handle)
    receipt = shop.alipay.pay(payment.payment_id)
    await handle.signal(OrderWorkflow.payment_noticed, receipt)


async def _pay_with_points(shop: Shop, intent: Intent, handle: Handle) -> None:
    """As patiently: until the points are taken, or the order is over."""
    await shop.grant_points(intent.user_id, POINTS_PRICE)
    while True:
        with contextlib.suppress(RPCError, WorkflowUpdateFailedError):
            await shop.pay_with_points(handle)
            return
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            return
        await asyncio.sleep(0.1)


async def _pay_and_be_told_late(shop: Shop, intent: Intent, handle: Handle) -> None:
    shop.sender.fails[intent.order_id] = 1
    await _pay(shop, intent, handle)


async def _pay_and_lose_the_notice(shop: Shop, intent: Intent, handle: Handle) -> None:
    payment = await begin(shop, handle)
    shop.alipay.pays_on_close.add(payment.payment_id)


async def _pay_too_little(shop: Shop, intent: Intent, handle: Handle) -> None:
    payment = await begin(shop, handle)
    receipt = shop.alipay.pay(payment.payment_id, amount=PRICE - 1)
    await handle.signal(OrderWorkflow.payment_noticed, receipt)


async def _begin_and_cancel(shop: Shop, intent: Intent, handle: Handle) -> None:
    await begin(shop, handle)
    await shop.cancel(handle)


async def _begin_and_wait(shop: Shop, intent: Intent, handle: Handle) -> None:
    await begin(shop, handle)


async def _do_nothing(shop: Shop, intent: Intent, handle: Handle) -> None:
    return


BRANCHES = (
    Branch(
        "paid",
        _pay,
        (
            "reserve_stock",
            "place_order",
            "begin_payment",
            "settle_payment",
            "confirm_stock",
            "carry_out",
        ),
        OrderStatus.FULFILLED,
    ),
    Branch(
        "paid with points",
        _pay_with_points,
        ("begin_payment", "settle_payment"),
        OrderStatus.FULFILLED,
    ),
    Branch(
        "paid at the close",
        _pay_and_lose_the_notice,
        ("close_payment", "settle_payment", "confirm_stock"),
        OrderStatus.FULFILLED,
        waits_for_the_clock=True,
    ),
    Branch(
        "delivered late",
        _pay_and_be_told_late,
        ("deliver_one", "fulfil"),
        OrderStatus.FULFILLED,
    ),
    Branch(
        "wrong amount",
        _pay_too_little,
        ("settle_payment", "record_surplus", "cancel_order", "release_stock"),
        OrderStatus.TIMED_OUT,
        waits_for_the_clock=True,
    ),
    Branch(
        "cancelled",
        _begin_and_cancel,
        ("place_order", "begin_payment", "close_payment", "cancel_order", "release_stock"),
        OrderStatus.CANCELLED,
    ),
    Branch(
        "timed out",
        _begin_and_wait,
        ("close_payment", "cancel_order", "release_stock"),
        OrderStatus.TIMED_OUT,
        waits_for_the_clock=True,
    ),
    Branch(
        "timed out without a payment",
        _do_nothing,
        ("reserve_stock", "place_order", "cancel_order", "release_stock"),
        OrderStatus.TIMED_OUT,
        waits_for_the_clock=True,
    ),
    Branch(
        "rejected by the gate",
        _do_nothing,
        ("reserve_stock", "reject_order"),
        OrderStatus.REJECTED,
        accepted=False,
    ),
)
