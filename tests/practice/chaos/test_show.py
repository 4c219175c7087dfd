import io
from datetime import UTC, datetime

from rich.console import Console

from practice.chaos.report import Needed
from practice.chaos.show import print_report, print_round
from tests.support.chaos_reports import chaos_report, struck_round


def on_paper() -> tuple[Console, io.StringIO]:
    paper = io.StringIO()
    return Console(file=paper, width=100, highlight=False, no_color=True), paper


def test_a_round_says_what_struck_and_when_all_was_at_rest_again() -> None:
    console, paper = on_paper()
    print_round(console, struck_round(2.5, faults=2))
    print_round(console, struck_round(120.0, unrest=("1 refunds",), not_struck=("lock: refused",)))

    said = paper.getvalue()
    assert "kill api 1.0 s + kill worker 1.0 s: at rest after 2.5 s" in said
    assert "NOT AT REST after 120 s: 1 refunds" in said
    assert "could not be struck: lock: refused" in said


def test_a_report_names_recoveries_verdicts_and_who_is_needed() -> None:
    console, paper = on_paper()
    print_report(console, chaos_report(warnings={"breath_missed": 4}, attentions={"step_stuck": 1}))
    held = paper.getvalue()
    stuck = Needed(kind="step_stuck", subject="O1", what="closes", raised_at=datetime.now(UTC))
    print_report(console, chaos_report(needed=(stuck,), rush=None, broken="nobody answers"))
    broken = paper.getvalue().removeprefix(held)

    assert "1 faults in 1 rounds" in held
    assert "breath missed" in held
    assert "Nothing was lost, nothing was sold twice, and nobody was needed." in held
    assert "A person is needed: step_stuck O1: closes" in broken
    assert "The crowd could not finish: nobody answers" in broken
    assert "It does not hold." in broken
