"""Providers' bills, compared with our ledger and looked up."""

from datetime import UTC, date, datetime, timedelta

import structlog
from fastapi import APIRouter, Response

from api.bill_schemas import BillsBody, BillsPage, ReconciliationView, bill_check_view
from api.deps import Cursor, Limit, OperatorDep, Services, ServicesDep
from domain.errors import ErrorCode, Refusal
from domain.payment import PaymentMethod
from infra.gateways.bill import day_of
from infra.postgres.bills import Bills

log = structlog.get_logger()

router = APIRouter(prefix="/v1/operator/bills", tags=["operator"])

# Providers keep bills for three months.
KEPT_FOR = timedelta(days=90)


@router.post(
    "",
    summary="Compare a day's bills with our ledger",
    responses={
        200: {"description": "Compared; each mismatch is an attention"},
        202: {"model": ReconciliationView, "description": "Under way; the list will tell"},
    },
)
async def reconcile_bills(
    body: BillsBody, operator: OperatorDep, services: ServicesDep, response: Response
) -> ReconciliationView:
    """Payments whose notice was missed are made up for. Harmless to repeat: what has been settled
    meanwhile stops being an attention. A bill that is not ready yet is waited for."""
    _refuse_unless_billed(services, body.day, body.method)
    log.info("bills_asked", day=str(body.day), method=body.method, actor=operator.actor)
    workflow_id, outcome = await services.bills.reconcile(body.day, body.method, operator.actor)
    response.status_code = 200 if outcome else 202
    return ReconciliationView(
        workflow_id=workflow_id,
        day=body.day,
        finished=outcome is not None,
        checks=[bill_check_view(check) for check in outcome.checks] if outcome else [],
    )


@router.get("", summary="How comparing the bills came out, the newest on top")
async def list_bills(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 50
) -> BillsPage:
    async with services.database.transaction() as connection:
        checks, following = await Bills(connection).page(cursor, limit)
    return BillsPage(bills=[bill_check_view(check) for check in checks], next_cursor=following)


def _refuse_unless_billed(services: Services, day: date, method: PaymentMethod | None) -> None:
    today = day_of(datetime.now(UTC))
    if not today - KEPT_FOR <= day <= today:
        raise _invalid("day", "bills are there for the last three months only")
    if method is PaymentMethod.POINTS or (method and method not in services.gateways):
        raise _invalid("method", f"{method} makes no bills here")


def _invalid(field: str, why: str) -> Refusal:
    error = {"loc": ["body", field], "msg": why, "type": field}
    return Refusal(ErrorCode.INVALID, why, errors=[error])
