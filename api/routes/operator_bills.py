"""Providers' bills, compared with our ledger and looked up."""

from fastapi import APIRouter, Response

from api.deps import Cursor, Limit, OperatorDep, ServicesDep
from api.schemas.bills import BillsBody, BillsPage, ReconciliationView, bill_check_view
from domain.operator_act import OperatorAct
from infra.postgres.bills import Bills
from infra.postgres.operator_acts import OperatorActs
from infra.readable import all_readable

router = APIRouter(prefix="/v1/operator/bills", tags=["operator"])


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
    services.operating.bills.refuse_unless_billed(body.day, body.method)
    asked_for = f"{body.day} {body.method}" if body.method else str(body.day)
    # Before it is begun, for it is carried out by a worker.
    async with services.database.transaction() as connection:
        acts = OperatorActs(connection)
        await acts.record(OperatorAct.BILLS_COMPARED, asked_for, operator.actor)
    reconciliation = await services.operating.bills.reconcile(body.day, body.method, operator.actor)
    response.status_code = 200 if reconciliation.finished else 202
    return reconciliation


@router.get("", summary="How comparing the bills came out, the newest on top")
async def list_bills(
    _operator: OperatorDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 50
) -> BillsPage:
    """One row per provider and day: the latest outcome, with the first of its mismatches."""
    async with services.database.transaction() as connection:
        checks, following = await Bills(connection).page(cursor, limit)
    return BillsPage(bills=all_readable(checks, bill_check_view), next_cursor=following)
