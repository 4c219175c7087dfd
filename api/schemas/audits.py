"""Audits, as operators see them."""

from collections.abc import Sequence

from pydantic import AwareDatetime

from api.schemas.model import Body, View, such_as
from domain.audit import AuditReport
from infra.readable import all_readable


class AuditBody(Body):
    """`whole`: look at everything, not only at what is open or has changed since an audit found
    all in order."""

    model_config = such_as(whole=True)

    whole: bool = False


class CheckView(View):
    code: str
    ok: bool
    detail: str
    orders: list[str]


class AuditView(View):
    audit_id: str
    ok: bool
    started_at: AwareDatetime
    finished_at: AwareDatetime
    checks: list[CheckView]


class AuditsPage(View):
    """`ok` and `checks` are those of the first report listed; null and none before any audit."""

    ok: bool | None
    checks: list[CheckView]
    audits: list[AuditView]
    next_cursor: str | None


def audit_view(report: AuditReport) -> AuditView:
    return AuditView.model_validate({**report.model_dump(), "ok": report.ok})


def audits_page(reports: Sequence[AuditReport], next_cursor: str | None) -> AuditsPage:
    views = all_readable(reports, audit_view)
    return AuditsPage(
        ok=views[0].ok if views else None,
        checks=views[0].checks if views else [],
        audits=views,
        next_cursor=next_cursor,
    )
