"""A sale under command, on real stores, judged by the audit."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.sale_commands import SaleCommandRunner
from api.sale_workflows import SaleWorkflows
from api.sales import ShownSales
from audit.checks import a1_stock, a2_redis, a3_limits
from audit.sources import AuditSources
from domain.sale_change import SaleChange
from domain.sale_command import CommandKind, SaleCommand
from infra.postgres.engine import Database
from infra.redis.gate_commands import Written
from infra.redis.intents import Intents
from infra.redis.stock_gate import StockGate
from infra.sale_at_gate import SaleAtGate
from tests.support.own_workflows import OwnWorkflows
from tests.support.shop import Shop
from tests.support.workflows_double import WorkflowsDouble

Do = Callable[[], Awaitable[Any]]


class Interrupted(StockGate):
    """`meanwhile` is done once, after a repair has read everything and before it writes."""

    meanwhile: Do | None = None

    async def rebuild(self, *what: Any, **how: Any) -> Written:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            await meanwhile()
        return await super().rebuild(*what, **how)


class Unlucky(Database):
    """Breaks once: before a transaction is committed, or after."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self.breaks: str | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        breaks, self.breaks = self.breaks, None
        async with self._real.transaction() as connection:
            yield connection
            if breaks == "before":
                raise OSError("cut off before the commit")
        if breaks == "after":
            raise OSError("cut off after the commit")


class UnluckyGate(SaleAtGate):
    """While it breaks, it cannot be brought to what is on record."""

    breaks = False

    async def bring(self, sale_id: str) -> None:
        if self.breaks:
            raise OSError("cut off")
        await super().bring(sale_id)


@dataclass
class Commanded:
    shop: Shop
    database: Unlucky = field(init=False)
    gate: Interrupted = field(init=False)
    at_gate: UnluckyGate = field(init=False)
    runner: SaleCommandRunner = field(init=False)

    def __post_init__(self) -> None:
        real, self.gate = self.shop.database, Interrupted(self.shop.redis)
        self.database = Unlucky(real)
        self.at_gate = UnluckyGate(real, self.gate)
        shown = ShownSales(real, self.gate)
        workflows = SaleWorkflows(WorkflowsDouble())
        self.runner = SaleCommandRunner(self.database, self.at_gate, shown, workflows)

    @property
    def sources(self) -> AuditSources:
        return AuditSources(
            database=self.shop.database,
            gate=self.gate,
            intents=Intents(self.shop.redis),
            workflows=OwnWorkflows(self.shop),
            book=None,
            grace=timedelta(hours=1),
        )

    async def findings(self) -> list[str]:
        """What the audit says of stock, terms, orders and limits."""
        looks = [await check.look(self.sources) for check in (a1_stock, a2_redis, a3_limits)]
        return [finding.what for look in looks for finding in look.findings.values()]

    async def say(self, name: str, key: str | None = None) -> Any:
        """`pause`, `resume`, `close`, `restock 3`, `restock -2`, `limit 1`."""
        word, _, number = name.partition(" ")
        kind = CommandKind.CHANGE if word == "limit" else CommandKind(word)
        said = SaleCommand(kind=kind, actor="operator:olga", reason="why", key=key, digest=name)
        sale_id, sku_id = self.shop.sale.sale_id, self.shop.item.sku_id
        if word == "resume":
            return await self.runner.resume(sale_id, said)
        if word == "restock":
            return await self.runner.restock(sale_id, sku_id, int(number), said)
        if word == "limit":
            change = SaleChange(sale={}, items={sku_id: {"per_user_limit": int(number)}})
            return await self.runner.change(sale_id, change, None, said)
        return await self.runner.stop(sale_id, said)
