"""What a preflight asks of Redis and Postgres: do they agree about the sale, and is there room?"""

import time
from datetime import UTC, datetime

from redis.asyncio import Redis
from sqlalchemy import text

from api.preflight.check import Finding
from domain.sale import Item, Sale
from domain.states import AT_THE_GATE, SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from infra.redis.stock_gate import StockGate
from infra.settings import Settings

# A sale opens by the clock of Redis, and its orders are due by that of Postgres.
CLOCKS_APART_AT_MOST = 1.0
_CONNECTIONS = text(
    "SELECT current_setting('max_connections')::int"
    " - current_setting('superuser_reserved_connections')::int,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
)
RECONCILE = "wait for the reconciliation, or run `seckill audit --repair`"


class StoreChecks:
    def __init__(
        self, settings: Settings, database: Database, redis: Redis, gate: StockGate
    ) -> None:
        self._settings = settings
        self._database = database
        self._redis = redis
        self._gate = gate

    async def stock(self, sale_id: str) -> Finding:
        sale = await self._sale(sale_id)
        wrong = [said for item in _at_the_gate(sale) if (said := await self._miscounted(item))]
        if wrong:
            return Finding(False, "; ".join(wrong), RECONCILE)
        return Finding(True, _where(sale, "stock and reservations add up to each item's total"))

    async def terms(self, sale_id: str) -> Finding:
        sale = await self._sale(sale_id)
        wrong = [said for item in _at_the_gate(sale) if (said := await self._differing(sale, item))]
        if wrong:
            return Finding(False, "; ".join(wrong), RECONCILE)
        if sale.status_at(datetime.now(UTC)) is SaleStatus.CLOSED:
            return Finding(False, "its end is past: nobody can buy", "give it another window")
        return Finding(True, _where(sale, "every field is the same"))

    async def clocks(self) -> Finding:
        """Each is read between two looks at ours, so that a slow answer is no wrong clock."""
        begun = time.time()
        seconds, micros = await self._redis.time()
        between = time.time()
        async with self._database.transaction() as connection:
            postgres = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        ended = time.time()
        apart = {
            "Redis": _outside(seconds + micros / 1e6, begun, between),
            "Postgres": _outside(postgres.timestamp(), between, ended),
        }
        said = ", ".join(f"{name} {by:+.3f} s" for name, by in apart.items())
        if max(map(abs, apart.values())) > CLOCKS_APART_AT_MOST:
            return Finding(False, f"against this process: {said}", "set them by NTP")
        return Finding(True, f"against this process (others were not seen): {said}")

    async def connections(self, processes: int | None) -> Finding:
        """`processes`: workers that were seen to poll; None where Temporal did not say."""
        async with self._database.transaction() as connection:
            most, taken = (await connection.execute(_CONNECTIONS)).one()
        clients = await self._redis.info("clients")
        seen = (processes or 0) + 1
        needed = seen * self._settings.postgres_pool_size
        said = (
            f"Postgres lets in {most}, {taken} are in; {needed} are wanted by {seen} processes of"
            f" {self._settings.postgres_pool_size} as seen from here (this one, and workers that"
            f" poll; other API processes cannot be seen). Redis lets in"
            f" {clients.get('maxclients', '?')}, {clients.get('connected_clients')} are in"
        )
        full = int(clients.get("connected_clients", 0)) * 2 > int(clients.get("maxclients", 10**9))
        if self._settings.postgres_pooler:
            return Finding(not full, f"a pooler is in between, and is not seen into. {said}")
        if full or needed > most:
            return Finding(
                False, said, "raise max_connections, or lower SECKILL_POSTGRES_POOL_SIZE"
            )
        return Finding(True, said)

    async def _miscounted(self, item: Item) -> str | None:
        tally = await self._gate.tally(item.ref)
        if tally.stock is None:
            return f"{item.sku_id} is not known to Redis"
        there_is = tally.stock + tally.live_units
        if there_is != item.total:
            return (
                f"{item.sku_id}: {tally.stock} free and {tally.live_units} reserved in Redis are"
                f" {there_is}, and Postgres has {item.total}"
            )
        return None

    async def _differing(self, sale: Sale, item: Item) -> str | None:
        kept = await self._gate.terms(item.ref)
        if kept is None:
            return f"{item.sku_id} is not known to Redis"
        wanted, there = sale.terms_of(item).model_dump(), kept.model_dump()
        fields = [
            f"{name} is {there[name]} and not {wanted[name]}"
            for name in wanted
            if there[name] != wanted[name]
        ]
        return f"{item.sku_id}: {', '.join(fields)}" if fields else None

    async def _sale(self, sale_id: str) -> Sale:
        async with self._database.transaction() as connection:
            sale = await Sales(connection).get(sale_id)
        if sale is None:
            raise LookupError(sale_id)
        return sale


def _at_the_gate(sale: Sale) -> list[Item]:
    if sale.status not in AT_THE_GATE:
        return []
    return [item for item in sale.items if item.retired_at is None]


def _where(sale: Sale, agreed: str) -> str:
    if sale.status not in AT_THE_GATE:
        return (
            f"the sale is {sale.status}: nothing of it is at the gate, so there is nothing to see"
        )
    return f"{len(_at_the_gate(sale))} items: {agreed}"


def _outside(clock: float, earliest: float, latest: float) -> float:
    """By how much a clock is wrong that was read between the two moments."""
    return clock - min(max(clock, earliest), latest)
