"""Orders per second from a click to paid: how stretches of the way are put together."""

import pytest

from bench.figures import Round
from bench.orders import one_after_another


def test_two_stretches_one_after_another_take_the_time_of_both() -> None:
    quick = Round(per_second=30, cpu={"worker": 1.0})
    slow = Round(per_second=15, cpu={"worker": 0.4})
    whole = one_after_another(quick, slow)
    assert whole.per_second == pytest.approx(10)
    # A third of the time the one, two thirds the other.
    assert whole.cpu["worker"] == pytest.approx(0.6)


def test_one_stretch_alone_is_itself() -> None:
    alone = one_after_another(Round(per_second=20, cpu={"worker": 0.5}))
    assert alone.per_second == pytest.approx(20)
    assert alone.cpu == pytest.approx({"worker": 0.5})
