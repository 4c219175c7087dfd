"""The audit's reports."""

from fastapi import APIRouter

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.operator_schemas import AuditsPage
from api.views import audit_view
from infra.postgres.audits import Audits

router = APIRouter(prefix="/v1/operator/audits", tags=["operator"])


@router.get("", summary="Reports of earlier audits, newest first")
async def list_audits(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 20
) -> AuditsPage:
    async with services.database.transaction() as connection:
        reports, following = await Audits(connection).page(cursor, limit)
    return AuditsPage(audits=[audit_view(report) for report in reports], next_cursor=following)
