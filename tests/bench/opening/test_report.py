"""What became of a room with everybody in it."""

from typing import Any

import pytest

from domain.sale import Admission
from tests.support.bench_reports import a_room


def test_what_bots_got_is_told_in_fair_shares() -> None:
    assert a_room(Admission.DRAW).of_a_fair_share == pytest.approx(1)
    assert a_room(Admission.DRAW, sold_to_bots=6).of_a_fair_share == pytest.approx(2)


@pytest.mark.parametrize(
    "wrong",
    [{"tickets": 9}, {"sold": 9}, {"told_over": 4}, {"places_hold": False}, {"wrong": ("x",)}],
)
def test_a_room_is_well_only_if_all_of_it_is(wrong: dict[str, Any]) -> None:
    room = a_room(Admission.QUEUE)
    assert room.ok
    assert not room.model_copy(update=wrong).ok
