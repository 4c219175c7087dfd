"""The branches of a refund, each driven as a buyer, a provider or an operator would."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.service import RPCError

from domain.ids import workflow_id
from domain.refund import RefundReason, trade_workflow_id
from domain.states import OrderStatus, RefundStatus
from domain.surplus_money import surplus_refund
from tests.support.refunding import (
    OLGA,
    WISH,
    PaidOrder,
    RefundHandle,
    a_paid_order,
    an_order_paid_after_it_timed_out,
    an_order_paid_after_it_was_cancelled,
    an_order_paid_after_others_were_bought,
    an_order_paid_twice,
    an_order_paid_with_points,
    give_back_in_the_console,
    refunds_of,
    run_refund,
    start_late_refund,
    start_refund,
    tell_refund,
    until_it_waits,
)
from tests.support.shop import Shop
from workflows.refund import RefundWorkflow
from workflows.updates import RefundOutcome

Prepare = Callable[[Shop, str], Awaitable[PaidOrder]]
Begin = Callable[[Shop, PaidOrder], Awaitable[RefundHandle]]
Drive = Callable[[Shop, PaidOrder, RefundHandle], Awaitable[None]]


async def _wait(_shop: Shop, _order: PaidOrder, _handle: RefundHandle) -> None:
    return


@dataclass(frozen=True)
class RefundBranch:
    """`prepare` is what was before the refund. `steps` are the activities that are failed in this
    branch and in no other, `end` where its order must end whatever fails, `status` how the refund
    does: None when nothing goes back. Played in a shop that honours late payments."""

    name: str
    prepare: Prepare
    begin: Begin
    drive: Drive = _wait
    steps: tuple[str, ...] = ()
    end: OrderStatus = OrderStatus.REFUNDED
    status: RefundStatus | None = RefundStatus.DONE

    async def play(self, shop: Shop) -> RefundHandle:
        """From beginning to end. Raises RuntimeError when it ends otherwise."""
        order = await self.prepare(shop, self.name)
        handle = await self.begin(shop, order)
        await self.drive(shop, order, handle)
        status = (await handle.result()).status
        end = (await shop.dossier(order.intent.order_id)).order.status
        if (status, end) != (self.status, self.end):
            raise RuntimeError(f"{self.name} ended {status}, {end}")
        return handle


# How the refund begins.


async def _undo(shop: Shop, order: PaidOrder) -> RefundHandle:
    return await start_refund(shop, order.intent.order_id)


async def _undo_as_the_api_does(shop: Shop, order: PaidOrder) -> RefundHandle:
    handle = await _undo(shop, order)
    # It may have ended already.
    with contextlib.suppress(RPCError):
        await handle.execute_update(RefundWorkflow.opened)
    return handle


async def _undo_slowly(shop: Shop, order: PaidOrder) -> RefundHandle:
    shop.alipay.slow_with_refunds_of.add(order.receipt.payment_id)
    return await _undo(shop, order)


async def _undo_declined(shop: Shop, order: PaidOrder) -> RefundHandle:
    shop.alipay.declines_refunds_of.add(order.receipt.payment_id)
    return await _undo(shop, order)


async def _undo_a_part(shop: Shop, order: PaidOrder) -> RefundHandle:
    wish = WISH.model_copy(update={"amount": 1000})
    return await start_refund(shop, order.intent.order_id, wish)


async def _write_down(shop: Shop, order: PaidOrder) -> RefundHandle:
    give_back_in_the_console(shop, order.receipt)
    wish = WISH.model_copy(update={"by_hand": True})
    return await start_refund(shop, order.intent.order_id, wish)


async def _undo_what_is_no_surplus(shop: Shop, order: PaidOrder) -> RefundHandle:
    reason = RefundReason.SECOND_PAYMENT
    request = surplus_refund(order.intent.order_id, order.receipt, reason, "CNY")
    return await run_refund(shop, request)


async def _honour(shop: Shop, order: PaidOrder) -> RefundHandle:
    return await start_late_refund(shop, order.intent, order.receipt)


async def _honour_while_messages_fail(shop: Shop, order: PaidOrder) -> RefundHandle:
    shop.sender.fails[order.intent.order_id] = 1
    return await _honour(shop, order)


async def _see_the_order_begin_it(shop: Shop, order: PaidOrder) -> RefundHandle:
    name = trade_workflow_id(order.receipt.method, order.receipt.trade_no)
    return shop.client.get_workflow_handle(name, result_type=RefundOutcome)


# What happens then.


async def _hurry(shop: Shop, order: PaidOrder, handle: RefundHandle) -> None:
    """News of a failure may be old: the provider is asked what is true, and at once."""
    while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        if await _status(shop, order) is RefundStatus.ACCEPTED:
            with contextlib.suppress(RPCError):
                await tell_refund(order, handle, succeeded=False)
        await asyncio.sleep(0.2)


async def _hear_that_it_is_done(_shop: Shop, order: PaidOrder, handle: RefundHandle) -> None:
    await until_it_waits(handle)
    await tell_refund(order, handle, succeeded=True)


async def _forget_and_be_asked(shop: Shop, order: PaidOrder, handle: RefundHandle) -> None:
    await until_it_waits(handle)
    shop.alipay.slow_with_refunds_of.discard(order.receipt.payment_id)
    for refund in await refunds_of(shop, order.intent.order_id):
        shop.alipay.taken_on.pop(refund.refund_id)
    await tell_refund(order, handle, succeeded=False)


async def _cancel_in_temporal(shop: Shop, order: PaidOrder, handle: RefundHandle) -> None:
    await until_it_waits(handle)
    await handle.cancel()
    await _hear_that_it_is_done(shop, order, handle)


async def _insist(shop: Shop, order: PaidOrder, handle: RefundHandle) -> None:
    """As an operator does: when it has failed, put the provider right and try again."""
    async with asyncio.timeout(45):
        await _until_it_has_failed(shop, order)
        shop.alipay.declines_refunds_of.discard(order.receipt.payment_id)
        while await _status(shop, order) is RefundStatus.FAILED:
            try:
                await handle.execute_update(RefundWorkflow.retry, OLGA)
            except (RPCError, WorkflowUpdateFailedError):
                await asyncio.sleep(0.1)


async def _hear_that_it_went_well_after_all(
    shop: Shop, order: PaidOrder, handle: RefundHandle
) -> None:
    """The provider's console paid it out."""
    await _until_it_has_failed(shop, order)
    await tell_refund(order, handle, succeeded=True)


async def _wait_for_the_order(shop: Shop, order: PaidOrder, handle: RefundHandle) -> None:
    await handle.result()
    name = workflow_id(order.intent.order_id)
    await shop.client.get_workflow_handle(name).result()


async def _settle_by_hand(shop: Shop, order: PaidOrder, handle: RefundHandle) -> None:
    async with asyncio.timeout(45):
        while await _status(shop, order) is not RefundStatus.DONE:
            with contextlib.suppress(WorkflowUpdateFailedError):
                await handle.execute_update(RefundWorkflow.resolve_by_hand, OLGA)
            await asyncio.sleep(0.1)


async def _until_it_has_failed(shop: Shop, order: PaidOrder) -> None:
    async with asyncio.timeout(45):
        while await _status(shop, order) is not RefundStatus.FAILED:
            await asyncio.sleep(0.1)


async def _status(shop: Shop, order: PaidOrder) -> RefundStatus | None:
    refunds = await refunds_of(shop, order.intent.order_id)
    return refunds[0].status if refunds else None


REFUND_BRANCHES = (
    RefundBranch(
        "refund at once",
        a_paid_order,
        _undo_as_the_api_does,
        steps=("open_refund", "ask_refund", "finish_refund", "release_stock", "tell_buyer"),
    ),
    RefundBranch(
        "refund after old news", a_paid_order, _undo_slowly, _hurry, ("ask_refund", "query_refund")
    ),
    RefundBranch("refund after another look", a_paid_order, _undo_slowly),
    RefundBranch("refund told as done", a_paid_order, _undo_slowly, _hear_that_it_is_done),
    RefundBranch("refund forgotten once", a_paid_order, _undo_slowly, _forget_and_be_asked),
    RefundBranch(
        "refund that a cancel does not stop", a_paid_order, _undo_slowly, _cancel_in_temporal
    ),
    RefundBranch(
        "refund tried again",
        a_paid_order,
        _undo_declined,
        _insist,
        ("fail_refund", "reopen_refund"),
    ),
    RefundBranch("refund settled by hand", a_paid_order, _undo_declined, _settle_by_hand),
    RefundBranch(
        "refund that went well after all",
        a_paid_order,
        _undo_declined,
        _hear_that_it_went_well_after_all,
    ),
    RefundBranch("refund written down", a_paid_order, _write_down, steps=("finish_refund",)),
    RefundBranch("refund of a part", a_paid_order, _undo_a_part, end=OrderStatus.FULFILLED),
    RefundBranch("refund of points", an_order_paid_with_points, _undo),
    RefundBranch(
        "refund of a second payment",
        an_order_paid_twice,
        _see_the_order_begin_it,
        end=OrderStatus.FULFILLED,
    ),
    RefundBranch(
        "refund refused",
        a_paid_order,
        _undo_what_is_no_surplus,
        end=OrderStatus.FULFILLED,
        status=None,
    ),
    RefundBranch(
        "refund of what was paid after a cancel",
        an_order_paid_after_it_was_cancelled,
        _honour,
        end=OrderStatus.CANCELLED,
    ),
    RefundBranch(
        "refund of what was paid too late for the limit",
        an_order_paid_after_others_were_bought,
        _honour,
        end=OrderStatus.TIMED_OUT,
    ),
    RefundBranch(
        "late payment honoured",
        an_order_paid_after_it_timed_out,
        _honour,
        steps=(
            "consider_late_payment",
            "reclaim_stock",
            "honour_late_payment",
            "confirm_stock",
            "carry_out",
        ),
        end=OrderStatus.FULFILLED,
        status=None,
    ),
    RefundBranch(
        "late payment honoured and delivered late",
        an_order_paid_after_it_timed_out,
        _honour_while_messages_fail,
        _wait_for_the_order,
        end=OrderStatus.FULFILLED,
        status=None,
    ),
    RefundBranch(
        "late payment honoured and gone on with",
        an_order_paid_after_it_timed_out,
        _honour_while_messages_fail,
        _wait_for_the_order,
        ("go_on_as_order",),
        end=OrderStatus.FULFILLED,
        status=None,
    ),
)
