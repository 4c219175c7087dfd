"""Hundreds of orders at once, each with people and a provider that get in one another's way.

Each batch is drawn from its seed; which of them meet is up to the machine. More of them by
SECKILL_TEST_INTERLEAVINGS, others by SECKILL_TEST_SEED.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.support.idle import NeverIdle, until_idle
from tests.support.order_statuses import OrderStatuses
from tests.support.random_scenarios import draw_scenario
from tests.support.scenario_checks import Facts, complaints, facts_of
from tests.support.scenario_run import ScenarioRun
from tests.support.whole_system import WholeSystem

INTERLEAVINGS = int(os.environ.get("SECKILL_TEST_INTERLEAVINGS", "300"))
FIRST_SEED = int(os.environ.get("SECKILL_TEST_SEED", "1121"))
BATCH = 75
PAY_WINDOW = 8
# Seconds over which people come.
ARRIVALS = 3
# Some come too late, and buy what others give back.
STOCK_SHARE = 0.9


@dataclass
class Batch:
    """Orders of one sale."""

    system: WholeSystem
    statuses: OrderStatuses
    seed: int
    sale_id: str
    runs: list[ScenarioRun]

    @classmethod
    async def drawn(cls, system: WholeSystem, seed: int) -> "Batch":
        chance = random.Random(seed)
        await system.provider.put("/control", json={"seed": seed})
        sale_id = await system.sale(stock=int(BATCH * STOCK_SHARE), pay_window=PAY_WINDOW)
        statuses = OrderStatuses(system, BATCH)
        runs = [
            ScenarioRun(system, statuses, sale_id, buyer, draw_scenario(chance, PAY_WINDOW))
            for buyer in (f"buyer-{seed}-{n}" for n in range(BATCH))
        ]
        return cls(system, statuses, seed, sale_id, runs)

    async def play(self) -> None:
        """The worker goes away in the middle, and comes back."""
        chance = random.Random(-self.seed)
        async with self.statuses.refreshed(), asyncio.TaskGroup() as people:
            for run in self.runs:
                people.create_task(self._play_one(run, chance.uniform(0, ARRIVALS)))
            people.create_task(
                self._restart_worker(chance.uniform(1, ARRIVALS + PAY_WINDOW), chance.random() / 2)
            )

    async def _play_one(self, run: ScenarioRun, delay: float) -> None:
        await asyncio.sleep(delay)
        await run.play()

    async def _restart_worker(self, delay: float, absence: float) -> None:
        await asyncio.sleep(delay)
        await self.system.worker.stop()
        await asyncio.sleep(absence)
        self.system.worker.start()

    async def facts(self) -> list[Facts]:
        book = await self.system.book()
        # One after another: more looks at once than the API takes are answered OVERLOADED.
        return [await facts_of(self.system, run, book) for run in self.runs if run.order_id]

    async def until_idle(self) -> str:
        """What never came to an end, or an empty string."""
        try:
            await until_idle(self.system)
            await self._send_lost_notices()
            await until_idle(self.system)
        except NeverIdle as error:
            return str(error)
        return ""

    async def _send_lost_notices(self) -> None:
        """What providers send again over the next day: nobody asks about orders that are over,
        so news of what was paid after their end comes by notice or not at all."""
        numbers = [number for run in self.runs for number in run.seen.paid_at]
        await asyncio.gather(*(self._send_lost_notice(number) for number in numbers))

    async def _send_lost_notice(self, number: str) -> None:
        await self.system.misbehave(number)
        await self.system.notify_again(number)


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", range(-(-INTERLEAVINGS // BATCH)))
async def test_every_order_ends_as_its_people_did(system: WholeSystem, number: int) -> None:
    batch = await Batch.drawn(system, FIRST_SEED + number)

    await batch.play()
    why_not_idle = await batch.until_idle()

    facts = await batch.facts()
    unhappy = {fact.run.order_id: found for fact in facts if (found := [*complaints(fact)])}
    report = await system.audit()
    broken = {check.code: check for check in report.checks if not check.ok}
    lines = [why_not_idle, *(f"{code}: {check.detail}" for code, check in broken.items())]
    named = {order_id for check in broken.values() for order_id in check.orders} | unhappy.keys()
    told = [
        _tell(fact, unhappy)
        for fact in facts
        if fact.run.order_id in named or fact.run.order_id in why_not_idle
    ]
    assert not (why_not_idle or unhappy or broken), "\n".join([f"seed {batch.seed}", *lines, *told])
    sold = sum(fact.status == "fulfilled" for fact in facts)
    assert (await system.stock(batch.sale_id)) == {
        "available": int(BATCH * STOCK_SHARE) - sold,
        "held": 0,
        "sold": sold,
    }
    print(f"seed {batch.seed}: {len(facts)} orders,", dict(Counter(f.status for f in facts)))


def _tell(fact: Facts, unhappy: dict[str, list[str]]) -> str:
    timeline = [
        f"  {line['at']} {line['event']} by {line['actor']}: {line['detail']}"
        for line in fact.view["timeline"]
    ]
    return "\n".join(
        [
            f"\norder {fact.run.order_id}: {'; '.join(unhappy.get(fact.run.order_id, []))}",
            f"  {fact.run.scenario}",
            *(f"  {line}" for line in fact.run.diary),
            *timeline,
            *(f"  book: {trade}" for trade in fact.trades),
            f"  refunds: {fact.view['refunds']}",
        ]
    )
