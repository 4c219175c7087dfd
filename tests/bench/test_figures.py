"""What a bench finds out, out of several rounds."""

import pytest

from bench.figures import BENCH, Round, figure


def rounds(*rates: float, cpu: float = 1.0) -> list[Round]:
    return [Round(per_second=rate, cpu={"api": cpu, BENCH: 9.0}) for rate in rates]


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # A minute in which everything is slow hits both sides, and changes nothing.
    slow = figure("ours", rounds(50, 5, 60), rounds(100, 10, 100))
    assert slow.ratio == 0.5
    assert slow.per_second == 50


def test_rounds_of_one_figure_and_its_yardstick_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        figure("ours", rounds(1, 2), rounds(1))


def test_what_one_answer_costs_leaves_out_who_measures() -> None:
    measured = figure("ours", rounds(100, 100, cpu=0.5), rounds(1, 1))
    assert measured.cpu_ms == pytest.approx(5.0)
    assert measured.cpu == {"api": 0.5, BENCH: 9.0}


def test_waits_are_there_only_where_they_were_measured() -> None:
    assert figure("ours", rounds(1), rounds(1)).p50_ms is None
    timed = [Round(per_second=1, cpu={}, p50_ms=wait, p99_ms=2 * wait) for wait in (1, 3, 2)]
    found = figure("ours", timed, timed)
    assert (found.p50_ms, found.p99_ms) == (2, 4)
