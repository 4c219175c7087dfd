"""The seed fixes the plan, and the plan leaves nothing out."""

from collections import Counter
from itertools import islice

from practice.chaos.faults import Fault, FaultKind, every_fault
from practice.chaos.plan import LONGEST_FREEZE, ChaosPlan


def faults_of(plan: ChaosPlan, rounds: int = 60) -> list[Fault]:
    return [fault for together in islice(plan.rounds(), rounds) for fault in together]


def test_the_same_seed_plans_the_same_faults_and_the_same_crowd() -> None:
    one, same, other = ChaosPlan(seed=7), ChaosPlan(seed=7), ChaosPlan(seed=8)

    assert faults_of(one) == faults_of(same)
    assert faults_of(one) != faults_of(other)
    assert one.crowd == same.crowd


def test_every_fault_comes_once_before_any_comes_again() -> None:
    deck = len(every_fault())
    named = [(one.kind, one.target, one.conduct) for one in faults_of(ChaosPlan())]

    assert Counter(named[:deck]) == Counter(every_fault())
    assert Counter(named[deck : 2 * deck]) == Counter(every_fault())


def test_what_strikes_together_strikes_different_parts() -> None:
    together = list(islice(ChaosPlan().rounds(), 200))

    assert {len(faults) for faults in together} == {1, 2, 3, 4}
    assert all(len({one.target for one in faults}) == len(faults) for faults in together)


def test_freezes_last_from_less_than_a_second_to_minutes_if_there_is_time() -> None:
    def freezes(seconds: float) -> list[float]:
        faults = faults_of(ChaosPlan(seconds=seconds), 1000)
        return [one.seconds for one in faults if one.kind is FaultKind.FREEZE]

    hour, minutes, moment = freezes(3600), freezes(300), freezes(2)
    assert (min(hour) < 1, 60 < max(hour) <= LONGEST_FREEZE) == (True, True)
    assert 15 < max(minutes) <= 30
    assert sorted(minutes)[len(minutes) // 2] < 5
    assert set(moment) == {0.5}


def test_the_crowd_comes_as_long_as_faults_strike_and_outlasts_them() -> None:
    crowd = ChaosPlan(seconds=300).crowd

    assert crowd.tolerant
    assert 0.9 * 300 < crowd.arriving < crowd.seconds == 300
    assert crowd.units < crowd.buyers
    assert ChaosPlan(seconds=300, buyers=50).crowd.buyers == 50


def test_a_fault_says_what_it_is() -> None:
    faults = [str(one) for one in faults_of(ChaosPlan(seed=3))]

    assert any(one.startswith("kill worker ") for one in faults)
    assert any(one.startswith("sandbox hangs ") for one in faults)
