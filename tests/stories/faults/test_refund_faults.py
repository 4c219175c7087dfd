"""Whatever step of a refund fails, and however, the money ends where it should, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.client import Client

from audit.checks import a1_stock, a2_redis, a5_money
from audit.sources import AuditSources
from domain.payment import FlowKind
from domain.sale import LatePaymentPolicy
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.redis.intents import Intents
from tests.support.faults import Fault, FaultPlan
from tests.support.paper_book import PaperBook
from tests.support.polling import until
from tests.support.refund_branches import REFUND_BRANCHES, RefundBranch
from tests.support.refunding import PaidOrder, RefundHandle
from tests.support.shop import Shop, open_shop

# Some waits for backoffs in real time.
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]
STOCK = 60
# A worker that is stopped before all have failed may never stop: so long is waited for them.
PATIENCE = 150.0


@dataclass
class Case:
    branch: RefundBranch
    step: str
    order: PaidOrder

    @property
    def order_id(self) -> str:
        return self.order.intent.order_id

    def __str__(self) -> str:
        return f"{self.branch.name}: {self.step}"


@asynccontextmanager
async def _open(database: Database, redis: Redis, client: Client) -> AsyncIterator[Shop]:
    honour = LatePaymentPolicy.HONOUR
    async with open_shop(database, redis, client, stock=STOCK, late_payment=honour) as shop:
        yield shop


async def _prepare(shop: Shop) -> list[Case]:
    """Orders as they are before their money is given back; nothing fails yet."""
    planned = [(branch, step) for branch in REFUND_BRANCHES for step in branch.steps]
    async with shop.worker():
        return list(await asyncio.gather(*(_case(shop, *plan) for plan in planned)))


async def _case(shop: Shop, branch: RefundBranch, step: str) -> Case:
    return Case(branch, step, await branch.prepare(shop, f"{branch.name}-{step}"))


async def _begin(shop: Shop, case: Case, faults: FaultPlan, fault: Fault) -> RefundHandle:
    faults.plan(case.order_id, case.step, fault)
    return await case.branch.begin(shop, case.order)


async def _expect_the_planned_ends(
    shop: Shop, sources: AuditSources, faults: FaultPlan, cases: list[Case]
) -> None:
    ends = {str(case): (await shop.dossier(case.order_id)).order.status for case in cases}
    assert ends == {str(case): case.branch.end for case in cases}
    assert faults.struck == faults.planned.keys()
    for look in (a1_stock.look, a2_redis.look, a5_money.look):
        looked = await look(sources)
        assert looked.findings == {}, looked
    refunded = sum(case.branch.status is RefundStatus.DONE for case in cases)
    assert len(shop.alipay.refunded) == refunded
    assert sum(line.kind is FlowKind.REFUNDED for line in shop.alipay.other_lines) == refunded


def _sources(shop: Shop, redis: Redis) -> AuditSources:
    book = PaperBook(shop.alipay)
    for line in shop.alipay.other_lines:
        book.refunded[line.payment_id or ""] = line.amount
    return AuditSources(
        database=shop.database,
        gate=shop.gate,
        intents=Intents(redis),
        workflows=shop.workflows,
        book=book,
        grace=timedelta(seconds=0.4),
    )


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_a_step_that_fails_once_changes_no_end(
    database: Database, redis: Redis, temporal_client: Client, fault: Fault
) -> None:
    async with _open(database, redis, temporal_client) as shop:
        cases, faults = await _prepare(shop), FaultPlan()
        async with shop.worker(interceptors=[faults]):
            await asyncio.gather(*(_see_through(shop, case, faults, fault) for case in cases))
            await _expect_the_planned_ends(shop, _sources(shop, redis), faults, cases)


async def _see_through(shop: Shop, case: Case, faults: FaultPlan, fault: Fault) -> None:
    handle = await _begin(shop, case, faults, fault)
    await case.branch.drive(shop, case.order, handle)
    await handle.result()


async def test_a_step_that_fails_until_the_worker_is_restarted_changes_no_end(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    async with _open(database, redis, temporal_client) as shop:
        cases, faults = await _prepare(shop), FaultPlan()
        second = timedelta(seconds=1)
        async with shop.worker(interceptors=[faults], graceful_shutdown_timeout=second):
            driving = [
                asyncio.create_task(_see_through(shop, case, faults, Fault.ALWAYS))
                for case in cases
            ]
            await until(lambda: len(faults.struck) == len(cases), "every fault", seconds=PATIENCE)
        async with shop.worker():
            await asyncio.gather(*driving)
            await _expect_the_planned_ends(shop, _sources(shop, redis), faults, cases)
