"""What was put right by itself, for operators who ask what was wrong."""

from fastapi import APIRouter

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.schemas.repairs import RepairsPage, repair_view
from infra.postgres.repairs import Repairs
from infra.readable import all_readable

router = APIRouter(prefix="/v1/operator/repairs", tags=["operator"])


@router.get("", summary="Repairs that the system made by itself, newest first")
async def list_repairs(
    _operator: OperatorDep,
    services: ServicesDep,
    sale_id: str | None = None,
    order_id: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RepairsPage:
    """All of them, or those of one sale or one order. `found` is what a store said, `should` what
    was put in its place."""
    async with services.database.transaction() as connection:
        repairs, following = await Repairs(connection).page(
            cursor, limit, sale_id=sale_id, order_id=order_id
        )
    return RepairsPage(repairs=all_readable(repairs, repair_view), next_cursor=following)
