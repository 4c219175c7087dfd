"""A buyer's points, and an operator's gift of some."""

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import CallerDep, Cursor, IdempotencyKey, Limit, OneKey, OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.schemas.approvals import AwaitingApprovalView, awaiting_view
from api.schemas.points import GrantBody, PointsView, gift_note, points_view
from domain.errors import ErrorCode
from infra.postgres.points import Points

router = APIRouter()


@router.get("/v1/me/points", summary="The caller's points", tags=["buyer"])
async def my_points(
    caller: CallerDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 50
) -> PointsView:
    """The balance and the entries, newest first: what was given, spent and given back, and why."""
    async with services.database.transaction() as connection:
        return await _account(connection, caller.user_id, cursor, limit)


@router.post(
    "/v1/operator/points",
    summary="Give a buyer points",
    tags=["operator"],
    dependencies=[OneKey],
    responses={202: {"model": AwaitingApprovalView, "description": "It waits, or waited"}},
    openapi_extra=refuses(ErrorCode.IDEMPOTENCY_MISMATCH),
)
async def grant_points(
    body: GrantBody,
    operator: OperatorDep,
    services: ServicesDep,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> PointsView | AwaitingApprovalView:
    """The same `Idempotency-Key` again gives nothing more. The buyer reads the reason. Above the
    amounts that are set it waits for a second person (`awaiting_approval`)."""
    waits = await services.operating.gifts.ask(
        body.user_id, body.amount, body.reason, operator.actor, idempotency_key
    )
    if waits:
        response.status_code = 202
        return awaiting_view(waits)
    async with services.database.transaction() as connection:
        await Points(connection).grant(
            body.user_id,
            body.amount,
            gift_note(body.reason, operator.actor),
            request_key=idempotency_key,
        )
        # In the same transaction: who hears of a failure afterwards would give them once more.
        return await _account(connection, body.user_id, None, 50)


async def _account(
    connection: AsyncConnection, user_id: str, cursor: str | None, limit: int
) -> PointsView:
    points = Points(connection)
    entries, following = await points.page(user_id, cursor, limit)
    balance, owed = await points.balance(user_id), await points.owed(user_id)
    return points_view(balance, owed, entries, following)
