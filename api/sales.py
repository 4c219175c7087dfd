"""Sales as buyers look at them: thousands of looks a second, one read of Postgres."""

import asyncio
import math
from datetime import UTC, datetime

from api.problems import Outage
from domain.sale import PRACTICE_SALE_ID, Item, ItemRef, Sale
from domain.states import ON_SHOW, SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from infra.redis.stock_gate import StockGate
from infra.single_flight import SingleFlight

MAX_REMEMBERED = 2_000
# Whoever asks for page after page of his own making waits for these, and paying does not.
READS_AT_ONCE = 4

SalesPage = tuple[list[Sale], str | None]


class ShownSales:
    def __init__(self, database: Database, gate: StockGate) -> None:
        self._database = database
        self._gate = gate
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        # A sale's name and window hardly change, and looking must not fail where buying works.
        self._sales: SingleFlight[str, Sale | None] = SingleFlight(
            MAX_REMEMBERED, remembers_absence=True, outages=Outage
        )
        self._pages: SingleFlight[str, SalesPage] = SingleFlight(MAX_REMEMBERED, outages=Outage)

    async def sale(self, sale_id: str) -> Sale | None:
        """A sale that buyers may see, at most a second old."""

        async def read() -> Sale | None:
            async with self._reads, self._database.transaction() as connection:
                sale = await Sales(connection).get(sale_id)
            is_shown = sale and sale.status in ON_SHOW and sale_id != PRACTICE_SALE_ID
            return sale if is_shown else None

        return await self._sales.get(sale_id, read)

    async def ended_at(self, item: ItemRef) -> datetime | None:
        """When the item's sale was over; None for one that is not over, or not known. Whoever asks
        can do without Postgres, so None also while it is away."""
        try:
            sale = await self.sale(item.sale_id)
        except Outage:
            return None
        is_over = sale and sale.status_at(datetime.now(UTC)) in (
            SaleStatus.CLOSED,
            SaleStatus.SETTLED,
        )
        return sale.ends_at if sale and is_over and sale.item(item.sku_id) else None

    async def seconds_to_pay(self, sale_id: str) -> float:
        """How long an order of the sale waits for its payment; without end where Postgres is away
        and was never asked, for accepting does without it."""
        try:
            sale = await self.sale(sale_id)
        except Outage:
            return math.inf
        return sale.pay_window_seconds if sale else math.inf

    async def page(self, cursor: str | None, limit: int) -> SalesPage:
        """Sales that buyers may see, newest first."""

        async def read() -> SalesPage:
            async with self._reads, self._database.transaction() as connection:
                return await Sales(connection).page(
                    cursor, limit, statuses=ON_SHOW, with_practice=False
                )

        return await self._pages.get(f"{limit}:{cursor or ''}", read)

    async def remaining(self, sale: Sale) -> dict[str, int]:
        """Units left by SKU, at most a second old; Postgres's count while Redis is away."""
        counts = await asyncio.gather(*(self._left(item) for item in sale.items))
        return {item.sku_id: left for item, left in zip(sale.items, counts, strict=True)}

    def forget(self) -> None:
        """After a change: what was read before it must not be shown."""
        self._sales.forget()
        self._pages.forget()

    async def _left(self, item: Item) -> int:
        try:
            left = await self._gate.remaining(item.ref)
        except Outage:
            left = None
        return item.available if left is None else left
