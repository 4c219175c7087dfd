from datetime import timedelta

from domain.order import Order
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.postgres.refunds import Refunds
from tests.support.ledger import damage, open_item, pay, place
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
        assert await refunds.take_turn(first, minute) is None
        assert await refunds.take_turn(first, minute) is None
        second = await refunds.request(a_refund(payment, refund_id="R2", amount=1))
        wait = await refunds.take_turn(second, minute)
        assert wait is not None
        assert timedelta() < wait <= minute
        assert await refunds.take_turn(second, timedelta()) is None


async def test_one_that_is_tried_again_and_again_leaves_the_others_their_turn(
    database: Database,
) -> None:
    payment = a_payment(await _paid_order(database))
    minute, moment = timedelta(minutes=1), timedelta(seconds=5)
    async with database.transaction() as connection:
        refunds = Refunds(connection)
        failing = await refunds.request(a_refund(payment, refund_id="R1", amount=1))
        waiting = await refunds.request(a_refund(payment, refund_id="R2", amount=1))
        assert await refunds.take_turn(failing, minute) is None

    # It is tried again before the other one's turn has come, and again after that.
    for seconds, rest in ((30, 90), (70, 50)):
        await _asked_ago(database, "R1", seconds)
        async with database.transaction() as connection:
            wait = await Refunds(connection).take_turn(failing, minute)
        assert wait is not None
        assert abs(wait - timedelta(seconds=rest)) < moment
    async with database.transaction() as connection:
        assert await Refunds(connection).take_turn(waiting, minute) is None
        wait = await Refunds(connection).take_turn(failing, minute)
    assert wait is not None
    assert abs(wait - minute) < moment


async def test_nobody_gives_way_for_long_or_to_what_waits_for_a_person(
    database: Database,
) -> None:
    payment = a_payment(await _paid_order(database))
    minute = timedelta(minutes=1)
    async with database.transaction() as connection:
        refunds = Refunds(connection)
        mine = await refunds.request(a_refund(payment, refund_id="R1", amount=1))
        await refunds.request(a_refund(payment, refund_id="R2", amount=1))
        assert await refunds.take_turn(mine, minute) is None
    await _asked_ago(database, "R1", 121)
    async with database.transaction() as connection:
        assert await Refunds(connection).take_turn(mine, minute) is None
        await Refunds(connection).change_status("R2", RefundStatus.REQUESTED, RefundStatus.FAILED)
        assert await Refunds(connection).take_turn(mine, minute) is None


async def _asked_ago(database: Database, refund_id: str, seconds: int) -> None:
    await damage(
        database,
        "UPDATE refunds SET asked_at = clock_timestamp() - make_interval(secs => :seconds)"
        " WHERE refund_id = :refund_id",
        seconds=seconds,
        refund_id=refund_id,
    )
