"""Everything a bench found out, in a few figures."""

import pytest

from bench.figures import BenchPlan
from bench.report import BenchReport
from tests.support.bench_reports import MACHINE, a_report


def test_a_history_is_as_long_as_all_its_events() -> None:
    assert a_report().events_per_order == 3


def test_what_a_waiting_order_takes_is_what_all_of_them_added() -> None:
    backlog = a_report().backlog
    assert backlog is not None
    assert backlog.kib_per_order() == {"worker": pytest.approx(50)}


def test_each_part_has_its_headlines() -> None:
    headlines = a_report().headlines()
    assert headlines["order paid, per second"] == pytest.approx(12.3)
    assert headlines["notice → paid, p50 ms"] == pytest.approx(200)
    assert headlines["1024 accepted → all payable, s"] == 3
    assert headlines["KiB of worker per order"] == pytest.approx(50)
    assert headlines["killed → placing again, s"] == 2.5
    assert headlines["history events"] == 3
    assert headlines["10 in a draw: bots' units of a fair share"] == pytest.approx(1)


def test_what_was_not_measured_has_none() -> None:
    assert BenchReport(plan=BenchPlan(), machine=MACHINE).headlines() == {}
