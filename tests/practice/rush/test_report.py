"""What came of a rush."""

from domain.audit import Check
from practice.rush.notes import Notes, Wait
from practice.rush.plan import RushPlan
from practice.rush.report import RushReport, report_of

HOLDS = Check(code="A1", ok=True, detail="stock adds up")
BROKEN = Check(code="A2", ok=False, detail="2 orders differ", orders=("O1", "O2"))


def report(*audit: Check, crowd: tuple[Check, ...] = (HOLDS,)) -> RushReport:
    notes = Notes()
    notes.waits[Wait.CLICK] = [0.001, 0.002, 0.100]
    return report_of(RushPlan(), notes, sale_id="S", seconds=3.0, crowd=crowd, audit=audit)


def test_a_rush_holds_only_if_both_audit_and_crowd_hold() -> None:
    assert report(HOLDS).ok
    assert not report(HOLDS, BROKEN).ok
    assert not report(HOLDS, crowd=(BROKEN,)).ok


def test_the_report_as_json_can_be_read_back() -> None:
    shown = report(HOLDS)
    assert RushReport.model_validate_json(shown.model_dump_json()) == shown
