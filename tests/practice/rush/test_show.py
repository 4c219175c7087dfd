"""A rush's report on a terminal."""

from io import StringIO

from rich.console import Console

from domain.audit import Check
from practice.rush.notes import Notes, Wait
from practice.rush.plan import RushPlan
from practice.rush.report import RushReport, report_of
from practice.rush.show import print_report

HOLDS = Check(code="A1", ok=True, detail="stock adds up")
BROKEN = Check(code="A2", ok=False, detail="2 orders differ", orders=("O1", "O2"))


def report(*audit: Check, crowd: tuple[Check, ...] = (HOLDS,)) -> RushReport:
    notes = Notes()
    notes.waits[Wait.CLICK] = [0.001, 0.002, 0.100]
    return report_of(RushPlan(), notes, sale_id="S", seconds=3.0, crowd=crowd, audit=audit)


def printed(shown: RushReport) -> str:
    console = Console(file=StringIO(), width=100)
    print_report(console, shown)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_rush_without_an_audit_proves_nothing() -> None:
    assert not report().ok
    assert "no audit" in printed(report())


def test_a_broken_line_names_its_orders() -> None:
    text = printed(report(HOLDS, BROKEN))
    assert "✓ A1 stock adds up" in text
    assert "✗ A2 2 orders differ" in text
    assert "O1, O2" in text
