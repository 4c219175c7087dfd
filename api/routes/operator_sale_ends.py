"""A sale's end: what is undone of one that was cancelled, and the report."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.schemas.model import ReasonBody
from api.schemas.sale_ends import CancellationView, SaleReportView
from domain.errors import ErrorCode

router = APIRouter(prefix="/v1/operator/sales", tags=["operator"])

MAX_VERSION = 1_000_000


@router.get(
    "/{sale_id}/cancellation",
    summary="How far a sale's cancellation is",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def get_cancellation(
    sale_id: str, _operator: OperatorDep, services: ServicesDep
) -> CancellationView:
    """Orders and money as Postgres has them now. `done` once nothing is left to do but what waits
    for a person."""
    return await services.sale_ends.cancellation(known_name(sale_id))


@router.post(
    "/{sale_id}/cancellation/pause",
    summary="Begin no more refunds of a cancelled sale",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def pause_cancellation(
    sale_id: str,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> CancellationView:
    """Those that providers were asked for, or are about to be, go on. The sale stays cancelled."""
    why = body.reason if body else ""
    return await services.sale_ends.pause(known_name(sale_id), operator.actor, why)


@router.post(
    "/{sale_id}/cancellation/resume",
    summary="Go on with a sale's cancellation",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def resume_cancellation(
    sale_id: str,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> CancellationView:
    """One that is not paused goes on as it is."""
    why = body.reason if body else ""
    return await services.sale_ends.resume(known_name(sale_id), operator.actor, why)


@router.get(
    "/{sale_id}/report",
    summary="What came of a sale",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def get_report(
    sale_id: str,
    _operator: OperatorDep,
    services: ServicesDep,
    version: Annotated[int | None, Query(ge=1, le=MAX_VERSION)] = None,
) -> SaleReportView:
    """Once it is settled, or undone. Money that goes back later makes a new version; earlier ones
    stay. `audit` is that of the sale's end."""
    return await services.sale_ends.report(known_name(sale_id), version)
