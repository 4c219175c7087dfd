"""Is all that a sale needs as it should be?"""

from fastapi import APIRouter

from api.deps import OperatorDep, ServicesDep
from api.routes.names import known_name
from api.schemas.preflight import PreflightView, preflight_view

router = APIRouter(prefix="/v1/operator/sales", tags=["operator"])


@router.get("/{sale_id}/preflight", summary="Look whether a sale can open")
async def get_preflight(
    sale_id: str, _operator: OperatorDep, services: ServicesDep, dry_run: bool = True
) -> PreflightView:
    """Each line with its verdict and what to do; what was only seen from here says so. Takes up to
    a minute, and carries out an order of the practice sale, unless `dry_run=false`."""
    return preflight_view(
        await services.operating.preflight.of(known_name(sale_id), dry_run=dry_run)
    )
