"""What operators read of a sale's end, and how they hold its cancellation up."""

from sqlalchemy.ext.asyncio import AsyncConnection

from api.sale_workflows import SaleWorkflows
from api.schemas.sale_ends import (
    CancellationView,
    SaleReportView,
    cancellation_view,
    sale_report_view,
)
from domain.errors import ErrorCode, Refusal
from domain.operator_act import OperatorAct
from domain.sale import Sale
from infra.postgres.engine import Database
from infra.postgres.operator_acts import OperatorActs
from infra.postgres.sale_cancellations import SaleCancellations
from infra.postgres.sale_reports import SaleReports
from infra.postgres.sales import Sales


class OperatedSaleEnds:
    """Every call raises Refusal: NOT_FOUND, or INVALID_STATE."""

    def __init__(self, database: Database, workflows: SaleWorkflows) -> None:
        self._database = database
        self._workflows = workflows

    async def cancellation(self, sale_id: str) -> CancellationView:
        async with self._database.transaction() as connection:
            return await _cancellation(connection, await _known(connection, sale_id))

    async def pause(self, sale_id: str, actor: str, reason: str) -> CancellationView:
        """What providers were asked for goes on; nothing more is begun."""
        async with self._database.transaction() as connection:
            sale, cancellations = await _known(connection, sale_id), SaleCancellations(connection)
            if await cancellations.pause(sale_id):
                acts = OperatorActs(connection)
                await acts.record(OperatorAct.CANCELLATION_PAUSED, sale_id, actor, reason)
            view = await _cancellation(connection, sale)
            if view.paused_at is None:
                raise Refusal(ErrorCode.INVALID_STATE, "all is begun; there is nothing to pause")
        return view

    async def resume(self, sale_id: str, actor: str, reason: str) -> CancellationView:
        async with self._database.transaction() as connection:
            sale, cancellations = await _known(connection, sale_id), SaleCancellations(connection)
            if await cancellations.resume(sale_id):
                acts = OperatorActs(connection)
                await acts.record(OperatorAct.CANCELLATION_RESUMED, sale_id, actor, reason)
            view = await _cancellation(connection, sale)
        self._workflows.tell(sale_id)
        return view

    async def report(self, sale_id: str, version: int | None) -> SaleReportView:
        """The newest version, brought up to date with the ledger; or the one that is asked for."""
        async with self._database.transaction() as connection:
            sale, reports = await _known(connection, sale_id), SaleReports(connection)
            newest = await reports.newest(sale_id)
            if newest is None:
                detail = f"the sale is {sale.status}, and reported once that is over"
                raise Refusal(ErrorCode.INVALID_STATE, detail, sale_status=sale.status)
            if version is not None:
                older = await reports.version(sale_id, version)
                if older is None:
                    raise Refusal(ErrorCode.NOT_FOUND, "there is no such version")
                return sale_report_view(older)
            return sale_report_view(await reports.bring_up_to_date(sale))


async def _known(connection: AsyncConnection, sale_id: str) -> Sale:
    sale = await Sales(connection).get(sale_id)
    if sale is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
    return sale


async def _cancellation(connection: AsyncConnection, sale: Sale) -> CancellationView:
    cancellations = SaleCancellations(connection)
    cancellation = await cancellations.get(sale.sale_id)
    if cancellation is None:
        raise _wrong_state(sale)
    return cancellation_view(cancellation, await cancellations.progress(sale.sale_id))


def _wrong_state(sale: Sale) -> Refusal:
    detail = f"the sale is {sale.status}"
    return Refusal(ErrorCode.INVALID_STATE, detail, sale_status=sale.status)
