"""A second person agrees, or does not."""

from fastapi import APIRouter

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.schemas.approvals import ApprovalsPage, ApprovalView, approval_view
from api.schemas.model import DecisionBody, ReasonBody
from domain.approval import ApprovalStatus
from domain.errors import ErrorCode
from infra.postgres.approvals import Approvals
from infra.readable import all_readable

router = APIRouter(prefix="/v1/operator/approvals", tags=["operator"])


@router.get("", summary="What waits, or waited, for a second person")
async def list_approvals(
    _operator: OperatorDep,
    services: ServicesDep,
    status: ApprovalStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ApprovalsPage:
    """Newest first. `unneeded` ones were small enough for one person; without a `status` they are
    left out."""
    async with services.database.transaction() as connection:
        found, following = await Approvals(connection).page(status, cursor, limit)
    return ApprovalsPage(approvals=all_readable(found, approval_view), next_cursor=following)


@router.post(
    "/{approval_id}/approve",
    summary="Agree, and have it carried out",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def approve(
    approval_id: str,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> ApprovalView:
    """Within 24 hours, by another operator than who asked (else `FORBIDDEN`). Again, it answers the
    same. `approved`: it could not be done yet, and will be by itself; `outcome` tells what came
    of it."""
    why = body.reason if body else ""
    approved = services.operating.approved
    return approval_view(await approved.approve(known_name(approval_id), operator.actor, why))


@router.post(
    "/{approval_id}/refuse",
    summary="Do not agree, or take one's own back",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def refuse(
    approval_id: str, body: DecisionBody, operator: OperatorDep, services: ServicesDep
) -> ApprovalView:
    """Nothing of it is done. Again, it answers the same."""
    approved = services.operating.approved
    refused = await approved.refuse(known_name(approval_id), operator.actor, body.reason)
    return approval_view(refused)
