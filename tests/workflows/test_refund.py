"""Money on its way back, on real stores and a clock that skips."""

from domain.points import PointsKind
from domain.refund import Refund, RefundReason, RefundRequest
from domain.refund_rules import RefundWish, plan_refund
from domain.reservation import ReservationState
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from infra.postgres.points import Points
from tests.support.ledger import is_entitled
from tests.support.polling import until
from tests.support.refunding import (
    WISH,
    a_paid_order,
    events,
    refunds_of,
    run_refund,
    start_refund,
    sums,
)
from tests.support.shop import POINTS_PRICE, PRICE, Shop


async def test_a_refunded_order_gives_back_money_stock_rights_and_points(shop: Shop) -> None:
    order = await a_paid_order(shop)
    assert await shop.points("ada") == PRICE // 100

    handle = await start_refund(shop, order.intent.order_id)
    outcome = await handle.result()

    assert outcome.status is RefundStatus.DONE
    assert shop.alipay.refunded == {f"RA{order.receipt.trade_no}": PRICE}
    dossier = await shop.dossier(order.intent.order_id)
    assert dossier.order.status is OrderStatus.REFUNDED
    assert dossier.payments[0].status is PaymentStatus.REFUNDED
    assert [(one.status, one.amount, one.note) for one in dossier.refunds] == [
        (RefundStatus.DONE, PRICE, "changed my mind")
    ]
    assert events(dossier)[-2:] == ["refund_requested", "refunded"]
    assert dossier.events[-2].actor == "buyer:ada"
    assert await sums(shop, order.intent.order_id) == (PRICE, PRICE)
    assert await shop.points("ada") == 0
    assert await shop.counts() == (5, 0, 0, 5)
    assert not await is_entitled(shop.database, order.intent.order_id)
    reservation = await shop.gate.reservation(order.intent.item, order.intent.order_id)
    assert reservation is not None
    assert reservation.state is ReservationState.RELEASED
    assert f"{order.intent.order_id}-money_back-1" in shop.sender.sent


async def test_who_refunded_may_buy_again(shop: Shop) -> None:
    for _ in range(shop.item.per_user_limit + 1):
        order = await a_paid_order(shop)
        await (await start_refund(shop, order.intent.order_id)).result()

    assert await shop.counts() == (5, 0, 0, 5)


async def test_parts_go_back_one_after_the_other_and_leave_the_order_as_it_is(shop: Shop) -> None:
    order_id = (await a_paid_order(shop)).intent.order_id
    for amount in (1000, 2000):
        wish = WISH.model_copy(update={"amount": amount})
        await (await start_refund(shop, order_id, wish)).result()

    dossier = await shop.dossier(order_id)
    assert dossier.order.status is OrderStatus.FULFILLED
    assert dossier.payments[0].status is PaymentStatus.PAID
    assert [refund.refund_id[-2:] for refund in dossier.refunds] == ["-1", "-2"]
    assert await sums(shop, order_id) == (PRICE, 3000)
    assert await shop.counts() == (4, 0, 1, 4)

    await (await start_refund(shop, order_id)).result()

    assert sum(shop.alipay.refunded.values()) == PRICE
    assert (await shop.dossier(order_id)).order.status is OrderStatus.REFUNDED
    assert await shop.counts() == (5, 0, 0, 5)


async def test_no_more_goes_back_than_came(shop: Shop) -> None:
    order_id = (await a_paid_order(shop)).intent.order_id
    plan = plan_refund(await shop.dossier(order_id), WISH.model_copy(update={"amount": 8000}))
    assert isinstance(plan, RefundRequest)
    greedy = [await run_refund(shop, plan.model_copy(update={"part": part})) for part in (1, 2)]

    outcomes = [await handle.result() for handle in greedy]

    assert sorted(outcome.status is None for outcome in outcomes) == [False, True]
    assert any("only 800 is left" in outcome.detail for outcome in outcomes)
    assert await sums(shop, order_id) == (PRICE, 8000)


async def test_a_refund_started_again_after_its_end_pays_nothing_again(shop: Shop) -> None:
    order_id = (await a_paid_order(shop)).intent.order_id
    plan = plan_refund(await shop.dossier(order_id), WISH)
    assert isinstance(plan, RefundRequest)
    for _ in range(2):
        assert (await (await run_refund(shop, plan)).result()).status is RefundStatus.DONE

    assert shop.alipay.refunds_asked == [plan.refund_id]
    assert events(await shop.dossier(order_id)).count("refunded") == 1


async def test_the_money_an_order_was_paid_with_is_never_surplus(shop: Shop) -> None:
    order = await a_paid_order(shop)
    request = RefundRequest(
        order_id=order.intent.order_id,
        receipt=order.receipt,
        amount=PRICE,
        currency="CNY",
        reason=RefundReason.LATE_PAYMENT,
        note="",
        actor="system",
    )

    outcome = await (await run_refund(shop, request)).result()

    assert outcome.status is None
    assert shop.alipay.refunds_asked == []
    assert (await shop.dossier(order.intent.order_id)).order.status is OrderStatus.FULFILLED


async def test_an_order_paid_with_points_gets_its_points_back(shop: Shop) -> None:
    await shop.grant_points("ada", POINTS_PRICE)
    handle = await shop.start(intent := await shop.intent())
    await shop.pay_with_points(handle)
    await handle.result()
    assert await shop.points("ada") == 0

    await (await start_refund(shop, intent.order_id)).result()

    assert await shop.points("ada") == POINTS_PRICE
    assert (await shop.dossier(intent.order_id)).order.status is OrderStatus.REFUNDED
    async with shop.database.transaction() as connection:
        entries, _ = await Points(connection).page("ada", None, 10)
        kinds = [entry.kind for entry in entries]
    assert PointsKind.CREDIT in kinds


async def test_an_award_that_was_spent_is_taken_back_as_far_as_it_goes(shop: Shop) -> None:
    order = await a_paid_order(shop)
    async with shop.database.transaction() as connection:
        await Points(connection).debit(order.intent.order_id[::-1], "ada", PRICE // 100 - 10)

    await (await start_refund(shop, order.intent.order_id)).result()

    assert await shop.points("ada") == 0


async def test_points_of_a_refunded_order_are_owed_until_they_are_back(shop: Shop) -> None:
    """Earned, spent, and both orders given back: as often as one likes, it leaves nothing."""
    gift = POINTS_PRICE - PRICE // 100
    await shop.grant_points("ada", gift)
    for _ in range(2):
        earned = await a_paid_order(shop)
        handle = await shop.start(spent := await shop.intent())
        await shop.pay_with_points(handle)
        await handle.result()
        assert await shop.points("ada") == 0

        for order_id in (earned.intent.order_id, spent.order_id):
            await (await start_refund(shop, order_id)).result()

        assert await shop.points("ada") == gift


async def test_a_part_that_goes_back_takes_its_points_along(shop: Shop) -> None:
    order_id = (await a_paid_order(shop)).intent.order_id
    for amount, left in ((1, 87), (99, 87), (PRICE - 150, 0)):
        wish = WISH.model_copy(update={"amount": amount})
        await (await start_refund(shop, order_id, wish)).result()
        assert await shop.points("ada") == left


async def test_a_refund_whose_answer_was_lost_counts_as_done(shop: Shop) -> None:
    order_id = (await a_paid_order(shop)).intent.order_id
    plan = plan_refund(await shop.dossier(order_id), WISH)
    assert isinstance(plan, RefundRequest)
    shop.alipay.refunded[plan.refund_id] = PRICE
    shop.alipay.declines_refunds = True

    assert (await (await run_refund(shop, plan)).result()).status is RefundStatus.DONE


async def test_an_order_that_waits_for_a_delivery_is_refunded_without_it(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    shop.sender.fails[intent.order_id] = 1000
    payment = await shop.begin_payment(handle)
    shop.alipay.pay(payment.payment_id)
    await handle.execute_update("recheck_payment", {"actor": "operator:olga"})

    refund = await start_refund(shop, intent.order_id)
    shop.sender.fails[intent.order_id] = 0

    assert (await refund.result()).status is RefundStatus.DONE
    assert (await handle.result()).status in (OrderStatus.REFUNDING, OrderStatus.REFUNDED)
    dossier = await shop.dossier(intent.order_id)
    assert dossier.order.status is OrderStatus.REFUNDED
    assert await shop.points("ada") == 0


# Money that went back without us: in the provider's console, or by a dispute.


async def test_what_went_back_without_us_is_written_down_and_undoes_the_order(shop: Shop) -> None:
    order = await a_paid_order(shop)
    order_id = order.intent.order_id
    wish = RefundWish(actor="operator:olga", note="a dispute, lost", by_hand=True)

    outcome = await (await start_refund(shop, order_id, wish)).result()

    assert outcome.status is RefundStatus.DONE
    assert shop.alipay.refunds_asked == []
    assert await sums(shop, order_id) == (PRICE, PRICE)
    dossier = await shop.dossier(order_id)
    assert dossier.order.status is OrderStatus.REFUNDED
    assert (dossier.events[-1].event, dossier.events[-1].actor) == ("refunded", "operator:olga")
    assert "a dispute, lost" in dossier.events[-1].detail
    assert await shop.points("ada") == 0
    assert await shop.counts() == (5, 0, 0, 5)


async def test_a_part_that_went_back_without_us_leaves_the_rest_to_be_refunded(shop: Shop) -> None:
    order_id = (await a_paid_order(shop)).intent.order_id
    wish = RefundWish(actor="operator:olga", note="in the console", amount=1000, by_hand=True)
    await (await start_refund(shop, order_id, wish)).result()

    await (await start_refund(shop, order_id)).result()

    assert list(shop.alipay.refunded.values()) == [PRICE - 1000]
    assert await sums(shop, order_id) == (PRICE, PRICE)


async def test_a_refund_that_failed_before_is_not_taken_for_written_down(shop: Shop) -> None:
    order = await a_paid_order(shop)
    shop.alipay.declines_refunds = True
    await start_refund(shop, order.intent.order_id)
    await until(lambda: _has_failed(shop, order.intent.order_id))

    wish = RefundWish(actor="operator:olga", note="in the console", by_hand=True)
    standing = plan_refund(await shop.dossier(order.intent.order_id), wish)

    # It has an attention of its own, and a call that resolves it.
    assert isinstance(standing, Refund)
    assert standing.status is RefundStatus.FAILED


async def _has_failed(shop: Shop, order_id: str) -> bool:
    return [one.status for one in await refunds_of(shop, order_id)] == [RefundStatus.FAILED]
