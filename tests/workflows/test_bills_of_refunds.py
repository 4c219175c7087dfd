"""Refunds in a bill: done, asked for, failed, and what our own books say of them meanwhile."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.bill import BilledRefund, BillFault, day_of, start_of
from domain.states import RefundStatus
from infra.postgres.refunds import Refunds
from tests.support.bookkeeper import DAY, Bookkeeper
from tests.support.ledger import damage, give_back
from tests.support.polling import until
from tests.support.refunding import a_paid_order, start_refund
from tests.support.shop import PRICE, Shop
from tests.support.values import a_refund
from workflows.refund import RefundWorkflow


@pytest.fixture
def keeper(shop: Shop) -> Bookkeeper:
    return Bookkeeper(shop)


@pytest.fixture
def today(time_skipping: WorkflowEnvironment) -> Iterator[None]:
    """The clock goes as it goes: what happens now happens today."""
    with time_skipping.auto_time_skipping_disabled():
        yield


async def test_refunds_are_compared_as_well(shop: Shop, keeper: Bookkeeper) -> None:
    done, under_way, unheard = [await keeper.books(user_id) for user_id in ("ada", "bob", "eve")]
    for payment in (done, under_way, unheard):
        keeper.bills(payment)
        order = (await shop.dossier(payment.order_id)).order
        if payment is not under_way:
            await give_back(shop.database, order, payment)
    flows = "UPDATE payment_flows SET at = :at WHERE kind = 'refunded'"
    await damage(shop.database, flows, at=start_of(DAY) + timedelta(hours=20))
    async with shop.database.transaction() as connection:
        await Refunds(connection).request(a_refund(under_way))
    keeper.bills_refund(f"{done.payment_id}R", done.payment_id, PRICE)
    keeper.bills_refund(f"{under_way.payment_id}R", under_way.payment_id, PRICE)

    check = await keeper.reconciles()

    assert {mismatch.fault: mismatch.reference for mismatch in check.sample} == {
        BillFault.REFUND_NOT_DONE: f"{under_way.payment_id}R",
        BillFault.NOT_IN_BILL: f"{unheard.payment_id}R",
    }
    assert (check.lines, check.matched) == (5, 4)


async def test_a_refund_that_a_bill_has_as_asked_for_alarms_nobody(
    shop: Shop, keeper: Bookkeeper
) -> None:
    asked, failed, done = [await keeper.books(user_id) for user_id in ("ada", "bob", "eve")]
    for payment in (asked, failed, done):
        keeper.bills(payment)
        state = BilledRefund.ASKED if payment is asked else BilledRefund.FAILED
        keeper.bills_refund(f"{payment.payment_id}R", payment.payment_id, PRICE, state)
    order = (await shop.dossier(done.order_id)).order
    await give_back(shop.database, order, done)
    async with shop.database.transaction() as connection:
        for payment in (asked, failed):
            await Refunds(connection).request(a_refund(payment))

    check = await keeper.reconciles()

    assert {mismatch.fault: mismatch.reference for mismatch in check.sample} == {
        BillFault.REFUND_FAILED: f"{done.payment_id}R",
    }
    assert (check.lines, check.matched) == (6, 5)


async def test_what_a_bill_had_as_gone_is_no_case_any_more_once_the_refund_is_done(
    shop: Shop, keeper: Bookkeeper
) -> None:
    paid = await a_paid_order(shop)
    shop.alipay.takes_refunds_on = True
    refund = await start_refund(shop, paid.intent.order_id)
    asked = await refund.execute_update(RefundWorkflow.opened)
    keeper.bills_refund(asked.refund_id, asked.payment_id, PRICE)

    check = await keeper.reconciles()

    assert [mismatch.fault for mismatch in check.sample] == [BillFault.REFUND_NOT_DONE]
    assert len(await keeper.attention()) == 1
    await until(lambda: asked.refund_id in shop.alipay.taken_on)
    shop.alipay.give_back(shop.alipay.taken_on[asked.refund_id])
    await refund.result()
    assert await keeper.attention() == []


async def test_a_refund_of_today_may_still_be_on_its_way(
    shop: Shop, keeper: Bookkeeper, today: None
) -> None:
    handle = await shop.start(intent := await shop.intent())
    receipt = await shop.pay(handle)
    await handle.result()
    payment = (await shop.dossier(intent.order_id)).payments[0]
    refund = a_refund(payment)
    async with shop.database.transaction() as connection:
        await Refunds(connection).request(refund)
        await Refunds(connection).change_status(
            refund.refund_id, RefundStatus.REQUESTED, RefundStatus.ACCEPTED
        )
    keeper.bills_refund(refund.refund_id, payment.payment_id, PRICE)
    shop.alipay.other_lines[:] = [
        line.model_copy(update={"at": receipt.paid_at}) for line in shop.alipay.other_lines
    ]

    check = await keeper.reconciles(day_of(receipt.paid_at))

    assert (check.ok, check.lines) == (True, 2)
