"""Audits, run and looked up."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query

from api.deps import Cursor, Limit, OperatorDep, Services, ServicesDep
from api.schemas.audits import AuditBody, AuditsPage, AuditView, audit_view, audits_page
from audit.outages import store_of
from audit.run import run_audit, since_last_sound
from audit.sources import open_sources
from domain.operator_act import OperatorAct
from infra.postgres.audits import Audits
from infra.postgres.operator_acts import OperatorActs

log = structlog.get_logger()

router = APIRouter(prefix="/v1/operator/audits", tags=["operator"])


@router.post("", summary="Prove now that all stores agree")
async def make_audit(
    operator: OperatorDep, services: ServicesDep, body: AuditBody | None = None
) -> AuditView:
    """Reads every store and changes none. One at a time in this process: each may read much."""
    whole = body is not None and body.whole
    log.info("audit_asked", actor=operator.actor, whole=whole)
    await _put_on_record(services, operator.actor, "whole" if whole else "changed")
    opened = open_sources(services.settings, services.workflow_client)
    async with services.auditing, opened as sources:
        looked_at = sources if whole else await since_last_sound(sources)
        return audit_view(await run_audit(looked_at))


@router.get("", summary="The newest report on top, and earlier ones")
async def list_audits(
    _operator: OperatorDep,
    services: ServicesDep,
    ok: bool | None = None,
    fails: Annotated[str | None, Query(pattern="^A[1-9]$")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> AuditsPage:
    """`ok` and `checks` are those of the first report of the page. `fails=A5`: the reports in
    which that check is not ok."""
    async with services.database.transaction() as connection:
        reports, following = await Audits(connection).page(cursor, limit, ok=ok, fails=fails)
    return audits_page(reports, following)


async def _put_on_record(services: Services, actor: str, subject: str) -> None:
    try:
        async with services.database.transaction() as connection:
            await OperatorActs(connection).record(OperatorAct.AUDIT_ASKED, subject, actor)
    except Exception as error:
        # An audit changes nothing, and says in its lines that Postgres is away.
        if store_of(error) is None:
            raise
