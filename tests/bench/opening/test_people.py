from collections import Counter
from random import Random

from bench.opening.people import People
from domain.sale import Admission

PEOPLE = People.of(100, clicks_of_a_bot=7)


def test_three_in_ten_are_bots_and_click_many_times() -> None:
    clicks = Counter(PEOPLE.clicks(Admission.QUEUE, Random(1)))

    assert len(clicks) == 100
    assert sorted(set(clicks.values())) == [1, 7]
    assert sum(PEOPLE.is_bot(number) for number in clicks) == 30
    assert all(clicks[number] == 7 for number in range(30))


def test_bots_are_first_at_a_draw_where_it_is_of_no_use_and_anywhere_in_a_queue() -> None:
    def first_people(admission: Admission) -> list[int]:
        return list(dict.fromkeys(PEOPLE.clicks(admission, Random(1))))[:30]

    assert all(PEOPLE.is_bot(number) for number in first_people(Admission.DRAW))
    assert 3 < sum(PEOPLE.is_bot(number) for number in first_people(Admission.QUEUE)) < 17
