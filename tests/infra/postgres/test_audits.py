from domain.audit import AuditReport, Check
from infra.postgres.audits import Audits
from infra.postgres.engine import Database
from tests.support.values import NOON


def _report(audit_id: str, *, ok: bool = True) -> AuditReport:
    checks = (
        Check(code="A1", ok=True, detail="3 items add up"),
        Check(code="A5", ok=ok, detail="money", orders=() if ok else ("O1", "O2")),
    )
    return AuditReport(audit_id=audit_id, started_at=NOON, finished_at=NOON, checks=checks)


async def test_a_report_is_read_as_it_was_saved_and_saved_once(database: Database) -> None:
    async with database.transaction() as connection:
        audits = Audits(connection)
        assert await audits.save(_report("first", ok=False)) is True
        assert await audits.save(_report("first")) is False
        assert await audits.page(None, 10) == ([_report("first", ok=False)], None)


async def test_reports_page_newest_first(database: Database) -> None:
    async with database.transaction() as connection:
        audits = Audits(connection)
        for name in ("first", "second", "third"):
            await audits.save(_report(name))
        newest, cursor = await audits.page(None, 2)
        oldest, end = await audits.page(cursor, 2)
    assert [report.audit_id for report in newest + oldest] == ["third", "second", "first"]
    assert end is None


async def test_reports_are_found_by_their_verdict_and_by_what_fails(database: Database) -> None:
    async with database.transaction() as connection:
        audits = Audits(connection)
        await audits.save(_report("sound"))
        await audits.save(_report("unsound", ok=False))
        found = [
            [report.audit_id for report in (await audits.page(None, 10, ok=ok, fails=fails))[0]]
            for ok, fails in ((True, None), (False, None), (None, "A5"), (None, "A1"), (True, "A5"))
        ]
    assert found == [["sound"], ["unsound"], ["unsound"], [], []]
