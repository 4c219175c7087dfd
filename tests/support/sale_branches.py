"""The branches of a sale's workflow, each with a shop of its own: it is about all of that."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from domain.states import SaleStatus
from infra.postgres.sale_cancellations import SaleCancellations
from infra.postgres.sale_commands import SaleCommands
from infra.sale_at_gate import SaleAtGate
from tests.support.cancelling import cancel_sale, sale_status
from tests.support.dispatched_shop import dispatching
from tests.support.shop import Shop
from tests.support.whole_sales import an_order, fulfilled, story_of

Handle = WorkflowHandle[Any, Any]
SOON, LATER = timedelta(seconds=4), timedelta(hours=1)


@dataclass(frozen=True)
class SaleBranch:
    """`ends_in`: when the sale ends by itself."""

    name: str
    live: Callable[[Shop], Awaitable[None]]
    end: SaleStatus
    ends_in: timedelta = SOON

    async def play(self, shop: Shop) -> Handle:
        """From beginning to end. Raises RuntimeError when it ends otherwise."""
        async with dispatching(shop):
            await shop.workflows.start_sale(shop.sale.sale_id)
            await self.live(shop)
            outcome = await story_of(shop).result()
        if outcome.status is not self.end:
            raise RuntimeError(f"{self.name} ended with {outcome}")
        return story_of(shop)


async def _sell(shop: Shop) -> None:
    await shop.pay(await an_order(shop, "ada"))
    await an_order(shop, "eve, who never pays")


async def _be_given_more_time(shop: Shop) -> None:
    await _sell(shop)
    async with shop.database.transaction() as connection:
        sale = await SaleCommands(connection).lock(shop.sale.sale_id)
        assert sale is not None
        later = sale.ends_at + timedelta(seconds=3)
        await SaleCommands(connection).change(sale, ends_at=later)
    await SaleAtGate(shop.database, shop.gate).bring(shop.sale.sale_id)
    await shop.workflows.start_sale(shop.sale.sale_id, is_news=True)


async def _be_cancelled(shop: Shop) -> None:
    order = await an_order(shop, "ada")
    await shop.pay(order)
    await fulfilled(shop, order)
    await an_order(shop, "eve")
    await cancel_sale(shop)


async def _be_cancelled_after_the_end(shop: Shop) -> None:
    await _sell(shop)
    while await sale_status(shop) is not SaleStatus.CLOSED:
        await asyncio.sleep(0.1)
    await cancel_sale(shop)


async def _be_cancelled_and_held_up(shop: Shop) -> None:
    await _sell(shop)
    async with shop.database.transaction() as connection:
        # Paused before its workflow hears of it, so that it finds it so.
        cancellations = SaleCancellations(connection)
        await cancellations.ask(shop.sale.sale_id, "operator:olga", "the maker cannot deliver")
        await cancellations.pause(shop.sale.sale_id)
    await cancel_sale(shop)
    await _begun(shop)
    async with shop.database.transaction() as connection:
        await SaleCancellations(connection).resume(shop.sale.sale_id)
    await shop.workflows.start_sale(shop.sale.sale_id, is_news=True)


async def _begun(shop: Shop) -> None:
    while True:
        async with shop.database.transaction() as connection:
            found = await SaleCancellations(connection).get(shop.sale.sale_id)
        if found and found.begun_at:
            return
        await asyncio.sleep(0.1)


SALE_BRANCHES = (
    SaleBranch("sale left alone", _sell, SaleStatus.SETTLED),
    SaleBranch("sale given more time", _be_given_more_time, SaleStatus.SETTLED),
    SaleBranch("sale cancelled", _be_cancelled, SaleStatus.CANCELLED, LATER),
    SaleBranch("sale cancelled after its end", _be_cancelled_after_the_end, SaleStatus.CANCELLED),
    SaleBranch(
        "sale cancelled and held up", _be_cancelled_and_held_up, SaleStatus.CANCELLED, LATER
    ),
)
