"""A whole rush against a small shop: honest ones pass, and no fault goes unseen."""

import asyncio

import pytest

from domain.payment import PaymentMethod
from domain.states import OrderStatus
from practice.rush.ledger import ACCEPTED, UNANSWERED
from practice.rush.report import RushReport
from tests.support.rushing import Rusher
from tests.support.shop_double import Faults, PracticeShop

# Nobody's time runs out while a slow machine plays a rush.
LONG = 1800


def broken(report: RushReport) -> set[str]:
    return {check.code for check in (*report.crowd, *report.audit) if not check.ok}


async def test_an_honest_shop_passes_and_every_ending_is_seen(rush_at: Rusher) -> None:
    shop = PracticeShop()
    report = await rush_at(shop, pay=0.5, cancel=0.3)

    assert broken(report) == set()
    assert report.ok
    assert report.sold >= 5
    assert report.orders[OrderStatus.CANCELLED] >= 2
    assert report.orders[OrderStatus.TIMED_OUT] >= 2
    assert report.sold <= 10
    assert report.answers["SOLD_OUT"] > 0
    assert shop.switched == [], "nobody asked for a provider that misbehaves"


async def test_orders_within_a_long_payment_window_are_left_in_peace(rush_at: Rusher) -> None:
    report = await rush_at(PracticeShop(), pay=0.5, cancel=0.2, pay_window=LONG)

    assert report.ok
    assert report.orders[OrderStatus.PENDING_PAYMENT] >= 2


async def test_winners_pay_in_both_ways_and_some_notices_are_lost(rush_at: Rusher) -> None:
    report = await rush_at(
        PracticeShop(), pay=1, cancel=0, wechat=0.5, lost_notices=0.5, pay_window=LONG
    )

    assert report.ok
    assert report.paid_by[PaymentMethod.ALIPAY] + report.paid_by[PaymentMethod.WECHATPAY] == 10
    assert min(report.paid_by.values()) >= 1
    assert report.paid_without_notice == 5


async def test_a_rush_with_too_few_buyers_sells_one_to_each(rush_at: Rusher) -> None:
    report = await rush_at(PracticeShop(), buyers=4, pay=1, cancel=0, pay_window=LONG)

    assert report.ok
    assert report.sold == 4
    assert "SOLD_OUT" not in report.answers


FEW, FOR_EVERYBODY = 40, 200
# Only those who double-click notice a forgotten key or limit: enough of them must win.
FAULTY = (
    (Faults(oversell=3), "R1", FEW),
    (Faults(sold_out_too_early=3), "R2", FEW),
    (Faults(forget_limit=True), "R3", FOR_EVERYBODY),
    (Faults(forget_payments=True), "R5", FEW),
    (Faults(forget_keys=True, forget_limit=True), "R7", FOR_EVERYBODY),
    (Faults(hide_an_order=True), "R8", FEW),
    (Faults(invent_an_order=True), "R8", FEW),
    (Faults(audit_fails=True), "A1", FEW),
)


async def test_every_faulty_shop_is_found_out(rush_at: Rusher) -> None:
    rushes = (
        rush_at(PracticeShop(faults), pay=1, cancel=0, buyers=90, units=units)
        for faults, _, units in FAULTY
    )

    # Beside each other: each mostly waits for its buyers to click.
    reports = await asyncio.gather(*rushes)

    for (faults, rule, _), report in zip(FAULTY, reports, strict=True):
        assert rule in broken(report), faults
        assert not report.ok, faults


async def test_a_cancel_that_was_only_taken_in_may_be_overtaken_by_time(rush_at: Rusher) -> None:
    shop = PracticeShop(Faults(take_cancels_in_only=True))
    report = await rush_at(shop, pay=0, cancel=1)

    assert report.ok
    assert set(report.orders) == {OrderStatus.TIMED_OUT}


async def test_an_accepting_answer_that_was_lost_is_asked_for_again(rush_at: Rusher) -> None:
    shop = PracticeShop(Faults(lose_answers=5))
    report = await rush_at(shop, tolerant=True)

    assert report.ok
    assert report.faults["502"] == 5
    assert UNANSWERED not in report.answers
    repeated = [key for key in shop.heard if key and shop.heard.count(key) > 1]
    assert len(repeated) >= 5


async def test_busy_answers_are_tried_again_and_counted(rush_at: Rusher) -> None:
    report = await rush_at(PracticeShop(Faults(break_answers=7)), tolerant=True)

    assert report.ok
    assert report.faults["503"] == 7
    assert report.answers[ACCEPTED] >= 10


async def test_a_rush_that_is_broken_off_leaves_a_calm_provider(rush_at: Rusher) -> None:
    shop = PracticeShop()
    rushing = asyncio.ensure_future(rush_at(shop, chaos_payments=True))
    async with asyncio.timeout(20):
        while not shop.heard:
            await asyncio.sleep(0.01)

    rushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rushing

    assert shop.switched[0] != {}
    assert shop.switched[1:] == [{}]
