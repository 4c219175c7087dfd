from datetime import timedelta

from domain.order import Order
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.postgres.refunds import Refunds
from tests.support.ledger import open_item, pay, place
from tests.support.values import a_payment, a_refund


async def _paid_order(database: Database) -> Order:
    order = await place(database, await open_item(database))
    await pay(database, order)
    return order


async def test_requesting_a_refund_again_answers_with_the_one_that_stands(
    database: Database,
) -> None:
    refund = a_refund(a_payment(await _paid_order(database)))
    changed = refund.model_copy(update={"amount": 1, "status": RefundStatus.DONE})
    async with database.transaction() as connection:
        refunds = Refunds(connection)
        assert await refunds.get(refund.refund_id) is None
        assert await refunds.request(refund) == refund
        assert await refunds.request(changed) == refund
        assert await refunds.of_order(refund.order_id) == [refund]


async def test_a_refund_changes_status_only_from_the_expected_one(database: Database) -> None:
    refund = a_refund(a_payment(await _paid_order(database)))
    requested, accepted, done = (
        RefundStatus.REQUESTED,
        RefundStatus.ACCEPTED,
        RefundStatus.DONE,
    )
    async with database.transaction() as connection:
        refunds = Refunds(connection)
        await refunds.request(refund)
        assert await refunds.change_status(refund.refund_id, requested, accepted) is True
        assert await refunds.change_status(refund.refund_id, requested, accepted) is False
        underway = await refunds.get(refund.refund_id)
        assert await refunds.change_status(refund.refund_id, accepted, done) is True
        over = await refunds.get(refund.refund_id)
    assert underway is not None
    assert over is not None
    assert (underway.status, underway.done_at) == (accepted, None)
    assert over.status is done
    assert over.done_at is not None


async def test_what_failed_stays_promised_for_it_may_be_tried_again(database: Database) -> None:
    payment = a_payment(await _paid_order(database))
    async with database.transaction() as connection:
        refunds = Refunds(connection)
        assert await refunds.promised(payment.payment_id) == 0
        for number, amount in enumerate([100, 20, 3]):
            await refunds.request(a_refund(payment, refund_id=f"R{number}", amount=amount))
        await refunds.change_status("R1", RefundStatus.REQUESTED, RefundStatus.FAILED)
        await refunds.change_status("R2", RefundStatus.REQUESTED, RefundStatus.DONE)
        assert await refunds.promised(payment.payment_id) == 123


async def test_refunds_of_one_payment_take_turns_at_the_provider(database: Database) -> None:
    payment = a_payment(await _paid_order(database))
    minute = timedelta(minutes=1)
    async with database.transaction() as connection:
        refunds = Refunds(connection)
        first = await refunds.request(a_refund(payment, refund_id="R1", amount=1))
        second = await refunds.request(a_refund(payment, refund_id="R2", amount=1))
        assert await refunds.take_turn(first, minute) is None
        assert await refunds.take_turn(first, minute) is None
        wait = await refunds.take_turn(second, minute)
        assert wait is not None
        assert timedelta() < wait <= minute
        assert await refunds.take_turn(second, timedelta()) is None
