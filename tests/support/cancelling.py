"""A sale is cancelled, as the API does it, and what came of that."""

from api.sale_commands import SaleCommandRunner
from api.sale_workflows import SaleWorkflows
from api.sales import ShownSales
from domain.sale_cancellation import CancellationProgress
from domain.sale_command import CommandKind, SaleCommand
from domain.states import SaleStatus
from infra.postgres.sale_cancellations import SaleCancellations
from infra.postgres.sales import Sales
from infra.sale_at_gate import SaleAtGate
from tests.support.shop import Shop
from tests.support.workflows_double import WorkflowsDouble

OLGA = "operator:olga"
WHY = "the maker cannot deliver"


async def cancel_sale(shop: Shop, *, tell: bool = True) -> None:
    await _stop(shop, CommandKind.CANCEL, tell=tell)


async def close_sale(shop: Shop) -> None:
    await _stop(shop, CommandKind.CLOSE)


async def sale_status(shop: Shop) -> SaleStatus:
    async with shop.database.transaction() as connection:
        sale = await Sales(connection).get(shop.sale.sale_id)
    assert sale is not None
    return sale.status


async def _stop(shop: Shop, kind: CommandKind, *, tell: bool = True) -> None:
    command = SaleCommand(kind=kind, actor=OLGA, reason=WHY)
    at_gate, shown = SaleAtGate(shop.database, shop.gate), ShownSales(shop.database, shop.gate)
    told = shop.workflows if tell else WorkflowsDouble()
    workflows = SaleWorkflows(told)
    await SaleCommandRunner(shop.database, at_gate, shown, workflows).stop(
        shop.sale.sale_id, command
    )
    await workflows.told()


async def progress_of(shop: Shop) -> CancellationProgress:
    async with shop.database.transaction() as connection:
        return await SaleCancellations(connection).progress(shop.sale.sale_id)


async def is_undone(shop: Shop) -> bool:
    """All of it but what waits for a person, and its workflow knows."""
    async with shop.database.transaction() as connection:
        cancellations = SaleCancellations(connection)
        cancellation = await cancellations.get(shop.sale.sale_id)
        progress = await cancellations.progress(shop.sale.sale_id)
    return bool(cancellation and cancellation.done_at) and not progress.to_do


def told_of_money(shop: Shop) -> int:
    """How many messages about money that went back were sent."""
    return sum("money_back" in message for message in shop.sender.sent)


async def are_told(shop: Shop, count: int) -> bool:
    """Whether so many were told, or more."""
    return told_of_money(shop) >= count
