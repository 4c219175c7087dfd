"""What needs a person, and what that person did about it."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.schemas.attentions import AttentionPage, AttentionView, attention_view
from api.schemas.model import DecisionBody
from domain.errors import ErrorCode
from infra.postgres.attentions import Attentions
from infra.readable import all_readable

router = APIRouter(prefix="/v1/operator/attention", tags=["operator"])

AttentionId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Which(StrEnum):
    OPEN = "open"
    ALL = "all"


@router.get("", summary="What needs a person now, or ever did")
async def list_attention(
    _operator: OperatorDep,
    services: ServicesDep,
    status: Which = Which.OPEN,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AttentionPage:
    """Open ones oldest first: who waits longest is helped first. All of them newest first."""
    async with services.database.transaction() as connection:
        attentions = Attentions(connection)
        look = attentions.open_ if status is Which.OPEN else attentions.page
        rows, following = await look(cursor, limit)
    return AttentionPage(attention=all_readable(rows, attention_view), next_cursor=following)


@router.post(
    "/{attention_id}/resolve",
    summary="Close a case that was seen to",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def resolve_attention(
    attention_id: AttentionId, body: DecisionBody, operator: OperatorDep, services: ServicesDep
) -> AttentionView:
    """Failed deliveries and refunds are closed by deciding about them instead."""
    resolved = await services.operating.attentions.resolve(
        attention_id, operator.actor, body.reason
    )
    return attention_view(resolved)


@router.post(
    "/{attention_id}/retry",
    summary="Let an order that could not be started try again",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def retry_attention(
    attention_id: AttentionId, body: DecisionBody, operator: OperatorDep, services: ServicesDep
) -> AttentionView:
    """For an order whose workflow could not be started. It is tried at once, and comes back here if
    that fails again."""
    revived = await services.operating.attentions.revive(attention_id, operator.actor, body.reason)
    return attention_view(revived)
