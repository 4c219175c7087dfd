"""Workflows that run, or do not, in memory: what notices and the audit are handed."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from domain.ids import workflow_id
from domain.notice import RefundReport
from domain.payment import PaymentMethod, Receipt
from domain.refund import RefundRequest, refund_workflow_id
from domain.reservation import Intent


@dataclass
class WorkflowsDouble:
    """`running`: workflow ids. `away`: what every call raises. `hangs`: no call returns."""

    running: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    told: list[Receipt | RefundReport] = field(default_factory=list)
    refunds: list[RefundRequest] = field(default_factory=list)
    started: list[Intent] = field(default_factory=list)
    given_up: list[Intent] = field(default_factory=list)
    sales: list[tuple[str, bool]] = field(default_factory=list)
    started_again: list[Intent] = field(default_factory=list)
    away: Exception | None = None
    hangs: bool = False

    async def tell_of_payment(
        self, order_id: str, receipt: Receipt, start: Intent | None = None
    ) -> bool:
        await self._answer()
        if start and workflow_id(order_id) not in self.running:
            self.running.add(workflow_id(order_id))
            self.started.append(start)
        return await self._tell(workflow_id(order_id), receipt)

    async def tell_of_refund(self, method: PaymentMethod, news: RefundReport) -> bool:
        return await self._tell(refund_workflow_id(method, news.refund_id), news)

    async def start_refund(self, request: RefundRequest) -> bool:
        await self._answer()
        new = request.workflow_id not in self.running
        self.running.add(request.workflow_id)
        self.refunds.append(request)
        return new

    async def start_refund_in_bulk(self, request: RefundRequest) -> bool:
        return await self.start_refund(request)

    async def give_up_order(self, intent: Intent, actor: str, reason: str) -> None:
        await self._answer()
        self.given_up.append(intent)

    async def start_sale(self, sale_id: str, *, is_news: bool = False) -> None:
        await self._answer()
        self.sales.append((sale_id, is_news))

    async def start_order_again(self, intent: Intent, *, even_if_it_runs: bool = False) -> bool:
        await self._answer()
        self.started_again.append(intent)
        return True

    async def running_orders(self) -> AsyncIterator[str]:
        await self._answer()
        for name in self.running:
            yield name.removeprefix("order-")

    async def running_refunds(self) -> AsyncIterator[str]:
        await self._answer()
        for name in self.running:
            yield name

    async def failing(self) -> AsyncIterator[tuple[str, str]]:
        await self._answer()
        for name in self.running & self.broken:
            yield name, "category=WorkflowTaskFailed"

    async def ended(self, workflow_ids: Iterable[str]) -> dict[str, str]:
        await self._answer()
        return {name: "does not exist" for name in workflow_ids if name not in self.running}

    async def _tell(self, name: str, word: Receipt | RefundReport) -> bool:
        await self._answer()
        if name in self.running:
            self.told.append(word)
        return name in self.running

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise self.away
