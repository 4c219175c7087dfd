"""What a paid order is owed: tried, left to a person, decided, and each thing once in effect."""

from datetime import timedelta
from functools import partial

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.attention import AttentionKind
from domain.delivery import DeliveryKind
from domain.states import DeliveryStatus, OrderStatus
from infra.postgres.orders import Orders
from tests.support.delivering import (
    MESSAGE,
    RETRY,
    SKIP,
    TRIES,
    attentions,
    deliveries_of,
    dossier_of,
    expect_each_once,
    happened,
    order_id_of,
    paid,
    tried,
)
from tests.support.shop import Shop
from tests.support.skipping import left_to_a_person, needs_attention, skip_until
from workflows.order import OrderWorkflow

A_SECOND = timedelta(seconds=1)


async def test_a_paid_order_is_given_points_its_right_and_a_message(shop: Shop) -> None:
    handle = await paid(shop)

    assert (await handle.result()).status is OrderStatus.FULFILLED

    await expect_each_once(shop, handle)
    dossier = await dossier_of(shop, handle)
    assert {one.kind: one.detail for one in dossier.deliveries} == {
        DeliveryKind.POINTS: "88 points",
        DeliveryKind.ENTITLEMENT: "1 × teapot",
        DeliveryKind.MESSAGE: "told",
    }
    assert shop.sender.tries.total() == 1


async def test_a_message_that_fails_four_times_arrives_without_anybody(shop: Shop) -> None:
    handle = await paid(shop, failing=TRIES - 1)

    assert (await handle.result()).status is OrderStatus.FULFILLED

    await expect_each_once(shop, handle)
    assert shop.sender.tries.total() == TRIES
    assert await attentions(shop) == []


async def test_after_five_tries_a_person_is_called_and_the_rest_is_delivered(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=100)
    assert await left_to_a_person(time_skipping, handle)

    assert shop.sender.tries.total() == TRIES
    assert await deliveries_of(shop, handle) == {
        DeliveryKind.POINTS: DeliveryStatus.DONE,
        DeliveryKind.ENTITLEMENT: DeliveryStatus.DONE,
        DeliveryKind.MESSAGE: DeliveryStatus.FAILED,
    }
    dossier = await dossier_of(shop, handle)
    assert dossier.order.status is OrderStatus.PAID
    (raised,) = await attentions(shop)
    assert (raised.kind, raised.order_id) == (AttentionKind.DELIVERY_FAILED, order_id_of(handle))
    assert "nobody is there" in raised.what
    assert raised.resolved_at is None
    assert dossier.events[-1].event == "delivery_failed"
    assert await needs_attention(handle) is True
    await handle.terminate()


async def test_an_operator_retries_what_failed(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=TRIES + 1)
    assert await left_to_a_person(time_skipping, handle)

    again = await handle.execute_update(OrderWorkflow.retry_delivery, RETRY)
    assert again is DeliveryStatus.FAILED
    assert (await attentions(shop))[0].resolved_at is None
    assert await handle.execute_update(OrderWorkflow.retry_delivery, RETRY) is DeliveryStatus.DONE

    assert (await handle.result()).status is OrderStatus.FULFILLED
    await expect_each_once(shop, handle)
    (resolved,) = await attentions(shop)
    assert (resolved.resolved_by, resolved.resolution) == (RETRY.actor, RETRY.reason)
    story = [(e.event, e.actor) for e in (await dossier_of(shop, handle)).events][-3:]
    assert story == [
        ("delivery_retried", RETRY.actor),
        ("delivery_retried", RETRY.actor),
        ("fulfilled", "system"),
    ]
    assert await needs_attention(handle) is False


async def test_an_operator_skips_what_failed(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=100)
    assert await left_to_a_person(time_skipping, handle)

    skipped = await handle.execute_update(OrderWorkflow.skip_delivery, SKIP)

    assert skipped is DeliveryStatus.SKIPPED
    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert (await deliveries_of(shop, handle))[MESSAGE] is DeliveryStatus.SKIPPED
    assert shop.sender.sent == set()
    (resolved,) = await attentions(shop)
    assert (resolved.resolved_by, resolved.resolution) == (SKIP.actor, SKIP.reason)
    event = (await dossier_of(shop, handle)).events[-2]
    assert (event.event, event.actor) == ("delivery_skipped", SKIP.actor)
    assert SKIP.reason in event.detail


async def test_nobody_decides_what_is_not_left_to_a_person(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=100)
    points = SKIP.model_copy(update={"kind": DeliveryKind.POINTS})
    # The next try is half a minute away.
    await skip_until(time_skipping, partial(tried, shop, 3), A_SECOND)

    for update, decision in (
        (OrderWorkflow.retry_delivery, RETRY),
        (OrderWorkflow.skip_delivery, SKIP),
        (OrderWorkflow.skip_delivery, points),
    ):
        with pytest.raises(WorkflowUpdateFailedError) as failure:
            await handle.execute_update(update, decision)
        assert isinstance(failure.value.cause, ApplicationError)
        assert failure.value.cause.type == "INVALID_STATE"
    await handle.terminate()


async def test_an_order_that_is_refunded_meanwhile_waits_for_nobody(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=100)
    assert await left_to_a_person(time_skipping, handle)
    async with shop.database.transaction() as connection:
        await Orders(connection).change_status(
            order_id_of(handle), OrderStatus.PAID, OrderStatus.REFUNDING
        )

    await handle.signal(OrderWorkflow.refund_begun)

    assert (await handle.result()).status is OrderStatus.REFUNDING
    assert (await deliveries_of(shop, handle))[MESSAGE] is DeliveryStatus.SKIPPED
    (resolved,) = await attentions(shop)
    assert resolved.resolution == "the order is refunding"
    assert (await dossier_of(shop, handle)).order.status is OrderStatus.REFUNDING


async def test_a_refund_nobody_told_of_is_noticed_within_the_hour(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=100)
    assert await left_to_a_person(time_skipping, handle)
    async with shop.database.transaction() as connection:
        await Orders(connection).change_status(
            order_id_of(handle), OrderStatus.PAID, OrderStatus.REFUNDING
        )

    assert (await handle.result()).status is OrderStatus.REFUNDING


async def test_what_is_refunded_before_it_was_delivered_is_not_delivered_any_more(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=1)
    await skip_until(time_skipping, partial(tried, shop, 1), A_SECOND / 10)
    async with shop.database.transaction() as connection:
        await Orders(connection).change_status(
            order_id_of(handle), OrderStatus.PAID, OrderStatus.REFUNDING
        )

    assert (await handle.result()).status is OrderStatus.REFUNDING
    assert shop.sender.sent == set()
    assert await attentions(shop) == []


async def test_cancelling_in_temporal_takes_nothing_from_a_paid_order(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=100)
    assert await left_to_a_person(time_skipping, handle)

    await handle.cancel()
    await handle.execute_update(OrderWorkflow.skip_delivery, SKIP)

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await shop.counts() == (4, 0, 1, 4)


async def test_money_that_arrives_while_a_person_is_asked_does_not_wait(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await paid(shop, failing=100)
    assert await left_to_a_person(time_skipping, handle)
    payment = (await dossier_of(shop, handle)).payments[0]
    second = shop.alipay.pay(payment.payment_id).model_copy(update={"trade_no": "T-second"})

    await handle.signal(OrderWorkflow.payment_noticed, second)

    await skip_until(time_skipping, partial(happened, shop, handle, "surplus_money"))
    assert (await dossier_of(shop, handle)).order.status is OrderStatus.PAID
    await handle.terminate()


async def test_an_order_paid_with_points_earns_none(shop: Shop) -> None:
    await shop.grant_points("ada", 1000)
    handle = await shop.start(await shop.intent("ada"))
    payment = await shop.pay_with_points(handle)

    assert (await handle.result()).status is OrderStatus.FULFILLED

    assert await shop.points("ada") == 1000 - payment.amount
    assert set((await deliveries_of(shop, handle)).values()) == {DeliveryStatus.DONE}
