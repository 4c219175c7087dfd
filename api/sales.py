"""Sales as buyers look at them: thousands of looks a second, one read of Postgres."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

import structlog

from api.problems import Outage
from domain.sale import Item, Sale
from domain.states import ON_SHOW
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

FRESH_SECONDS = 1.0
MAX_REMEMBERED = 2_000

T = TypeVar("T")
SalesPage = tuple[list[Sale], str | None]


class _Seen(NamedTuple, Generic[T]):
    value: T
    at: float


class Glances(Generic[T]):
    """Values at most a second old. While the source is away the last one stays on show: a sale's
    name and window hardly change, and looking must not fail where buying works."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen[T]] = {}
        self._loading: dict[str, asyncio.Task[T]] = {}

    async def at(self, key: str, load: Callable[[], Awaitable[T]]) -> T:
        seen = self._seen.get(key)
        if seen and time.monotonic() - seen.at < FRESH_SECONDS:
            return seen.value
        try:
            return await self._load_once(key, load)
        except Outage as error:
            if seen is None:
                raise
            log.warning("showing_last_known", error=repr(error)[:200])
            return seen.value

    def forget(self) -> None:
        self._seen.clear()

    async def _load_once(self, key: str, load: Callable[[], Awaitable[T]]) -> T:
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.ensure_future(self._load(key, load))
            self._loading[key] = loading
            loading.add_done_callback(lambda done: self._landed(key, done))
        # Shielded: others wait for the same read.
        return await asyncio.shield(loading)

    async def _load(self, key: str, load: Callable[[], Awaitable[T]]) -> T:
        value = await load()
        # Nothing is remembered of what is not there: it may be published the next moment.
        if value:
            if len(self._seen) >= MAX_REMEMBERED:
                self._seen.clear()
            self._seen[key] = _Seen(value, time.monotonic())
        return value

    def _landed(self, key: str, done: asyncio.Task[T]) -> None:
        self._loading.pop(key, None)
        if not done.cancelled():
            done.exception()


class ShownSales:
    def __init__(self, database: Database, gate: StockGate) -> None:
        self._database = database
        self._gate = gate
        self._sales: Glances[Sale | None] = Glances()
        self._pages: Glances[SalesPage] = Glances()

    async def sale(self, sale_id: str) -> Sale | None:
        """A sale that buyers may see, at most a second old."""

        async def read() -> Sale | None:
            async with self._database.transaction() as connection:
                sale = await Sales(connection).get(sale_id)
            return sale if sale and sale.status in ON_SHOW else None

        return await self._sales.at(sale_id, read)

    async def page(self, cursor: str | None, limit: int) -> SalesPage:
        """Sales that buyers may see, newest first."""

        async def read() -> SalesPage:
            async with self._database.transaction() as connection:
                return await Sales(connection).page(cursor, limit, statuses=ON_SHOW)

        return await self._pages.at(f"{limit}:{cursor or ''}", read)

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
