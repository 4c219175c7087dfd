from collections import Counter
from itertools import islice
from random import Random

import pytest

from practice.rush.buyers import Habit, Intention, draw_buyers, intentions
from practice.rush.plan import RushPlan


def test_the_same_seed_draws_the_same_crowd() -> None:
    plan = RushPlan(buyers=200)
    assert draw_buyers(plan, "r", Random("7")) == draw_buyers(plan, "r", Random("7"))
    assert draw_buyers(plan, "r", Random("7")) != draw_buyers(plan, "r", Random("8"))


def test_a_crowd_has_early_birds_and_double_clickers_of_both_kinds() -> None:
    crowd = draw_buyers(RushPlan(buyers=1000), "r", Random("1"))
    habits = Counter(buyer.habit for buyer in crowd)
    assert habits[Habit.TWICE_SAME_KEY] > 50
    assert habits[Habit.TWICE_WITHOUT_KEY] > 50
    assert any(buyer.first_click < 0 for buyer in crowd)
    assert all(buyer.first_click < 8 for buyer in crowd)
    assert len({buyer.user_id for buyer in crowd}) == 1000


def test_nobody_wants_more_than_the_limit() -> None:
    crowd = draw_buyers(RushPlan(buyers=300, limit=3), "r", Random("1"))
    assert {buyer.wants for buyer in crowd} == {1, 2, 3}


@pytest.mark.parametrize("winners", [10, 20, 100])
def test_the_shares_hold_for_the_first_winners_too(winners: int) -> None:
    plan = RushPlan(pay=0.6, cancel=0.2, lost_notices=0.5)
    drawn = Counter(islice(intentions(plan, Random("1")), winners))
    assert drawn[Intention.PAY] == pytest.approx(0.3 * winners, abs=1)
    assert drawn[Intention.PAY_UNHEARD] == pytest.approx(0.3 * winners, abs=1)
    assert drawn[Intention.CANCEL] == pytest.approx(0.2 * winners, abs=1)
    assert drawn[Intention.LEAVE] == pytest.approx(0.2 * winners, abs=1)


def test_an_intention_without_a_share_never_comes_up() -> None:
    drawn = set(islice(intentions(RushPlan(pay=1, cancel=0), Random("1")), 50))
    assert drawn == {Intention.PAY}


def test_a_crowd_may_come_evenly_over_minutes() -> None:
    crowd = draw_buyers(RushPlan(buyers=1000, seconds=300, arriving=280), "r", Random("1"))
    per_minute = Counter(int(buyer.first_click // 56) for buyer in crowd if buyer.first_click > 0)
    assert set(per_minute) == {0, 1, 2, 3, 4}
    assert min(per_minute.values()) > 150
