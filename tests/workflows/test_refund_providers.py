"""A refund goes on until its provider has said done, whatever it says before."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.attention import AttentionKind
from domain.notice import RefundReport
from domain.states import OrderStatus, RefundStatus
from tests.support.refunding import (
    OLGA,
    RefundHandle,
    a_paid_order,
    open_attentions,
    refunds_of,
    start_refund,
    sums,
)
from tests.support.shop import PRICE, Shop
from tests.support.skipping import left_to_a_person, needs_attention, skip_until
from workflows.refund import RefundWorkflow


async def test_accepted_is_not_done_so_the_provider_is_asked_until_it_is(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    shop.alipay.takes_refunds_on = True
    order_id = (await a_paid_order(shop)).intent.order_id
    handle = await start_refund(shop, order_id)

    async def asked_again() -> bool:
        return shop.alipay.refunds_queried > 1

    await skip_until(time_skipping, asked_again)
    assert [one.status for one in await refunds_of(shop, order_id)] == [RefundStatus.ACCEPTED]
    (taken_on,) = shop.alipay.taken_on.values()
    shop.alipay.give_back(taken_on)

    assert (await handle.result()).status is RefundStatus.DONE
    assert len(shop.alipay.refunds_asked) == 1


async def test_a_providers_notice_ends_the_wait_at_once(shop: Shop) -> None:
    shop.alipay.takes_refunds_on = True
    handle = await start_refund(shop, (await a_paid_order(shop)).intent.order_id)
    refund = await handle.execute_update(RefundWorkflow.opened)
    await handle.signal(RefundWorkflow.refund_noticed, _news(refund.refund_id, succeeded=True))

    assert (await handle.result()).status is RefundStatus.DONE
    assert shop.alipay.refunds_queried == 0


async def test_old_bad_news_is_no_answer(shop: Shop) -> None:
    shop.alipay.takes_refunds_on = True
    handle = await start_refund(shop, (await a_paid_order(shop)).intent.order_id)
    refund = await handle.execute_update(RefundWorkflow.opened)
    await handle.signal(RefundWorkflow.refund_noticed, _news(refund.refund_id, succeeded=False))
    await handle.signal(RefundWorkflow.refund_noticed, _news(refund.refund_id, succeeded=True))

    assert (await handle.result()).status is RefundStatus.DONE


def _news(refund_id: str, *, succeeded: bool) -> RefundReport:
    return RefundReport(refund_id=refund_id, payment_id="", amount=PRICE, succeeded=succeeded)


async def test_a_provider_that_is_away_is_asked_again_under_the_same_number(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    order_id = (await a_paid_order(shop)).intent.order_id
    shop.alipay.away = True
    handle = await start_refund(shop, order_id)

    async def asked_again() -> bool:
        return shop.alipay.turned_away > 3

    await skip_until(time_skipping, asked_again)
    assert (await shop.dossier(order_id)).order.status is OrderStatus.REFUNDING
    shop.alipay.away = False

    assert (await handle.result()).status is RefundStatus.DONE
    assert len(shop.alipay.refunded) == 1


async def _declined(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> tuple[RefundHandle, str, str]:
    order_id = (await a_paid_order(shop)).intent.order_id
    shop.alipay.declines_refunds = True
    handle = await start_refund(shop, order_id)
    assert await left_to_a_person(time_skipping, handle)
    (refund,) = await refunds_of(shop, order_id)
    return handle, order_id, refund.refund_id


async def test_what_the_provider_declines_waits_for_a_person_and_is_tried_again(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle, order_id, refund_id = await _declined(shop, time_skipping)
    assert await open_attentions(shop) == [(AttentionKind.REFUND_FAILED, refund_id)]
    again = await handle.execute_update(RefundWorkflow.retry, OLGA)
    assert again.status is RefundStatus.REQUESTED
    assert await left_to_a_person(time_skipping, handle)
    shop.alipay.declines_refunds = False

    await handle.execute_update(RefundWorkflow.retry, OLGA)

    assert (await handle.result()).status is RefundStatus.DONE
    assert set(shop.alipay.refunds_asked) == {refund_id}
    assert await open_attentions(shop) == []
    dossier = await shop.dossier(order_id)
    assert dossier.order.status is OrderStatus.REFUNDED
    assert ("refund_retried", "operator:olga") in [(e.event, e.actor) for e in dossier.events]


async def test_a_failed_refund_can_be_written_down_as_paid_by_hand(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle, order_id, _ = await _declined(shop, time_skipping)

    resolved = await handle.execute_update(RefundWorkflow.resolve_by_hand, OLGA)

    assert resolved.status is RefundStatus.DONE
    assert (await handle.result()).status is RefundStatus.DONE
    assert shop.alipay.refunded == {}
    assert await sums(shop, order_id) == (PRICE, PRICE)
    last = (await shop.dossier(order_id)).events[-1]
    assert (last.event, last.actor) == ("refunded", "operator:olga")
    assert "the bank is back" in last.detail
    assert await open_attentions(shop) == []


async def test_nobody_decides_a_refund_that_goes_its_way(shop: Shop) -> None:
    shop.alipay.takes_refunds_on = True
    handle = await start_refund(shop, (await a_paid_order(shop)).intent.order_id)
    await handle.execute_update(RefundWorkflow.opened)

    for update in (RefundWorkflow.retry, RefundWorkflow.resolve_by_hand):
        with pytest.raises(WorkflowUpdateFailedError) as failure:
            await handle.execute_update(update, OLGA)
        assert isinstance(failure.value.cause, ApplicationError)
        assert failure.value.cause.type == "INVALID_STATE"
    await handle.terminate()


async def test_cancelling_in_temporal_does_not_stop_money_on_its_way(shop: Shop) -> None:
    shop.alipay.takes_refunds_on = True
    order_id = (await a_paid_order(shop)).intent.order_id
    handle = await start_refund(shop, order_id)
    refund = await handle.execute_update(RefundWorkflow.opened)
    await handle.cancel()
    await handle.signal(RefundWorkflow.refund_noticed, _news(refund.refund_id, succeeded=True))

    assert (await handle.result()).status is RefundStatus.DONE
    assert (await shop.dossier(order_id)).order.status is OrderStatus.REFUNDED


async def test_a_provider_that_gives_the_money_back_after_all_ends_the_wait_for_a_person(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    """As when the merchant pays an abnormal refund out in the provider's console."""
    handle, order_id, refund_id = await _declined(shop, time_skipping)

    await handle.signal(RefundWorkflow.refund_noticed, _news(refund_id, succeeded=True))

    assert (await handle.result()).status is RefundStatus.DONE
    assert await sums(shop, order_id) == (PRICE, PRICE)
    assert await open_attentions(shop) == []
    assert await needs_attention(handle) is False
    dossier = await shop.dossier(order_id)
    assert (dossier.order.status, dossier.events[-1].actor) == (
        OrderStatus.REFUNDED,
        "provider:alipay",
    )


async def test_bad_news_does_not_end_the_wait_for_a_person(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle, _, refund_id = await _declined(shop, time_skipping)

    await handle.signal(RefundWorkflow.refund_noticed, _news(refund_id, succeeded=False))
    assert await open_attentions(shop) == [(AttentionKind.REFUND_FAILED, refund_id)]

    await handle.signal(RefundWorkflow.refund_noticed, _news(refund_id, succeeded=True))
    assert (await handle.result()).status is RefundStatus.DONE
