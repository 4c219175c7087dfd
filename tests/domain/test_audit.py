from domain.audit import AuditReport, Check
from tests.support.values import NOON

PROVED = Check(code="A1", ok=True, detail="3 items add up")
BROKEN = Check(code="A5", ok=False, detail="money is missing", orders=("O1",))


def _report(*checks: Check) -> AuditReport:
    return AuditReport(audit_id="a", started_at=NOON, finished_at=NOON, checks=checks)


def test_a_report_is_good_only_if_each_of_its_checks_is() -> None:
    assert _report(PROVED, PROVED).ok
    assert not _report(PROVED, BROKEN, PROVED).ok
