"""What a chaos run must show before it is called good."""

from datetime import UTC, datetime

import pytest

from domain.audit import Check
from practice.chaos.faults import Fault, FaultKind
from practice.chaos.plan import ChaosPlan
from practice.chaos.report import ChaosReport, Needed, StruckRound
from tests.support.chaos_reports import SOUND, chaos_report, struck_round


def test_a_run_holds_when_all_rested_all_is_proved_and_nobody_is_needed() -> None:
    assert chaos_report().ok


@pytest.mark.parametrize(
    "broken",
    [
        {"audit": ()},
        {"audit": (Check(code="A1", ok=False, detail="1 unit too many"),)},
        {"rush": None},
        {"rounds": (struck_round(unrest=("queued",)),)},
        {
            "needed": (
                Needed(kind="step_stuck", subject="o", what="w", raised_at=datetime.now(UTC)),
            )
        },
    ],
)
def test_it_does_not_hold_when_anything_of_that_is_missing(broken: dict[str, object]) -> None:
    assert not chaos_report(**broken).ok


def test_faults_are_counted_that_struck_and_recoveries_by_round() -> None:
    rounds = (struck_round(1.0), struck_round(3.0, faults=2), struck_round(2.0, not_struck=("x",)))
    report = chaos_report(rounds=rounds)

    assert report.faults == 3
    assert report.recovery is not None
    assert (report.recovery.p50, report.recovery.most) == (2000, 3000)
    assert chaos_report(rounds=()).recovery is None


def test_a_report_is_read_as_it_was_written() -> None:
    report = chaos_report()

    assert ChaosReport.model_validate_json(report.model_dump_json()) == report
    assert report.audit == SOUND
    assert report.plan == ChaosPlan()
    assert StruckRound.model_validate(report.rounds[0].model_dump()).rested
    assert Fault(kind=FaultKind.KILL, target="api", seconds=1.0) in report.rounds[0].faults
