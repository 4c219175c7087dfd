"""A sale in a rush, on one page."""

from fastapi import APIRouter

from api.deps import OperatorDep, ServicesDep
from api.routes.names import known_name
from api.schemas.dashboard import DashboardView

router = APIRouter(prefix="/v1/operator/sales", tags=["operator"])


@router.get("/{sale_id}/dashboard", summary="How a sale stands right now")
async def get_dashboard(
    sale_id: str, _operator: OperatorDep, services: ServicesDep
) -> DashboardView:
    """From Postgres, Redis and Temporal, at most a second old however many look. A part that does
    not answer within three seconds is null, and named in `missing`."""
    return await services.operating.dashboard.of(known_name(sale_id))
