"""Audit reports as operators see them."""

from api.schemas.audits import audit_view, audits_page
from domain.audit import AuditReport, Check
from tests.support.values import NOON


def a_report(audit_id: str, *, ok: bool) -> AuditReport:
    checks = (
        Check(code="A1", ok=True, detail="3 items"),
        Check(code="A2", ok=ok, detail="differs", orders=("O1",)),
    )
    return AuditReport(audit_id=audit_id, started_at=NOON, finished_at=NOON, checks=checks)


def test_a_report_is_as_good_as_its_worst_line() -> None:
    assert audit_view(a_report("1", ok=True)).ok
    view = audit_view(a_report("2", ok=False))

    assert not view.ok
    assert view.checks[1].model_dump() == {
        "code": "A2",
        "ok": False,
        "detail": "differs",
        "orders": ["O1"],
    }


def test_a_page_begins_with_how_things_are_now() -> None:
    page = audits_page([a_report("2", ok=False), a_report("1", ok=True)], "more")

    assert (page.ok, page.checks, page.next_cursor) == (False, page.audits[0].checks, "more")
    empty = audits_page([], None)
    assert (empty.ok, empty.checks, empty.audits) == (None, [], [])
