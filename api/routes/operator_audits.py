"""Audits, run and looked up."""

import structlog
from fastapi import APIRouter

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.schemas.audits import AuditBody, AuditsPage, AuditView, audit_view, audits_page
from audit.run import run_audit, since_last_sound
from audit.sources import open_sources
from infra.postgres.audits import Audits

log = structlog.get_logger()

router = APIRouter(prefix="/v1/operator/audits", tags=["operator"])


@router.post("", summary="Prove now that all stores agree")
async def make_audit(
    operator: OperatorDep, services: ServicesDep, body: AuditBody | None = None
) -> AuditView:
    """Reads every store and changes none. One at a time in this process: each may read much."""
    whole = body is not None and body.whole
    log.info("audit_asked", actor=operator.actor, whole=whole)
    opened = open_sources(services.settings, services.workflow_client)
    async with services.auditing, opened as sources:
        looked_at = sources if whole else await since_last_sound(sources)
        return audit_view(await run_audit(looked_at))


@router.get("", summary="The newest report on top, and earlier ones")
async def list_audits(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 20
) -> AuditsPage:
    """`ok` and `checks` are those of the first report of the page."""
    async with services.database.transaction() as connection:
        reports, following = await Audits(connection).page(cursor, limit)
    return audits_page(reports, following)
