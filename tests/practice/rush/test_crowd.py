"""Everybody clicks at once, and who is not answered comes back."""

from practice.rush.notes import ACCEPTED, UNANSWERED
from tests.support.rushing import Rusher
from tests.support.shop_double import Faults, ShopDouble

# Nobody's time runs out while a slow machine plays a rush.
LONG = 1800


async def test_a_rush_with_too_few_buyers_sells_one_to_each(rush_at: Rusher) -> None:
    report = await rush_at(ShopDouble(), buyers=4, pay=1, cancel=0, pay_window=LONG)

    assert report.ok
    assert report.sold == 4
    assert "SOLD_OUT" not in report.answers


async def test_an_accepting_answer_that_was_lost_is_asked_for_again(rush_at: Rusher) -> None:
    shop = ShopDouble(Faults(lose_answers=5))
    report = await rush_at(shop, tolerant=True)

    assert report.ok
    assert report.faults["502"] == 5
    assert UNANSWERED not in report.answers
    repeated = [key for key in shop.heard if key and shop.heard.count(key) > 1]
    assert len(repeated) >= 5


async def test_busy_answers_are_tried_again_and_counted(rush_at: Rusher) -> None:
    report = await rush_at(ShopDouble(Faults(break_answers=7)), tolerant=True)

    assert report.ok
    assert report.faults["503"] == 7
    assert report.answers[ACCEPTED] >= 10
