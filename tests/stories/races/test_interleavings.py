"""Hundreds of orders at once, each with people and a provider that get in one another's way.

Each batch is drawn from its seed; what meets what is up to the machine. More of them by
SECKILL_TEST_INTERLEAVINGS, others by SECKILL_TEST_SEED.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.support.order_board import Board
from tests.support.quiet import NoRest, until_quiet
from tests.support.scripts import draw_script
from tests.support.stories import Story
from tests.support.town import Town
from tests.support.verdicts import Facts, complaints, facts_of

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

    town: Town
    board: Board
    seed: int
    sale_id: str
    stories: list[Story]

    @classmethod
    async def drawn(cls, town: Town, seed: int) -> "Batch":
        chance = random.Random(seed)
        await town.provider.put("/control", json={"seed": seed})
        sale_id = await town.sale(stock=int(BATCH * STOCK_SHARE), pay_window=PAY_WINDOW)
        board = Board(town, BATCH)
        stories = [
            Story(town, board, sale_id, f"buyer-{seed}-{n}", draw_script(chance, PAY_WINDOW))
            for n in range(BATCH)
        ]
        return cls(town, board, seed, sale_id, stories)

    async def live(self) -> None:
        """The worker goes away in the middle, and comes back."""
        chance = random.Random(-self.seed)
        async with self.board.kept(), asyncio.TaskGroup() as people:
            for story in self.stories:
                people.create_task(self._live_one(story, chance.uniform(0, ARRIVALS)))
            people.create_task(
                self._restart_worker(chance.uniform(1, ARRIVALS + PAY_WINDOW), chance.random() / 2)
            )

    async def _live_one(self, story: Story, delay: float) -> None:
        await asyncio.sleep(delay)
        await story.live()

    async def _restart_worker(self, delay: float, absence: float) -> None:
        await asyncio.sleep(delay)
        await self.town.worker.stop()
        await asyncio.sleep(absence)
        self.town.worker.start()

    async def facts(self) -> list[Facts]:
        book = await self.town.book()
        accepted = [story for story in self.stories if story.order_id]
        return await asyncio.gather(*(facts_of(self.town, story, book) for story in accepted))

    async def come_to_rest(self) -> str:
        """What would not, or nothing."""
        try:
            await until_quiet(self.town)
            await self._send_lost_notices()
            await until_quiet(self.town)
        except NoRest as error:
            return str(error)
        return ""

    async def _send_lost_notices(self) -> None:
        """What providers send again over the next day: nobody asks about orders that are over,
        so news of what was paid after their end comes by notice or not at all."""
        numbers = [number for story in self.stories for number in story.seen.paid_at]
        await asyncio.gather(*(self._send_lost_notice(number) for number in numbers))

    async def _send_lost_notice(self, number: str) -> None:
        await self.town.misbehave(number)
        await self.town.notify_again(number)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", range(-(-INTERLEAVINGS // BATCH)))
async def test_every_order_ends_as_its_people_did(town: Town, number: int) -> None:
    batch = await Batch.drawn(town, FIRST_SEED + number)

    await batch.live()
    restless = await batch.come_to_rest()

    facts = await batch.facts()
    unhappy = {fact.story.order_id: found for fact in facts if (found := [*complaints(fact)])}
    report = await town.audit()
    broken = {check.code: check for check in report.checks if not check.ok}
    lines = [restless, *(f"{code}: {check.detail}" for code, check in broken.items())]
    named = {order_id for check in broken.values() for order_id in check.orders} | unhappy.keys()
    told = [
        _tell(fact, unhappy)
        for fact in facts
        if fact.story.order_id in named or fact.story.order_id in restless
    ]
    assert not (restless or unhappy or broken), "\n".join([f"seed {batch.seed}", *lines, *told])
    sold = sum(fact.status == "fulfilled" for fact in facts)
    assert (await town.stock(batch.sale_id)) == {
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
            f"\norder {fact.story.order_id}: {'; '.join(unhappy.get(fact.story.order_id, []))}",
            f"  {fact.story.script}",
            *(f"  {line}" for line in fact.story.diary),
            *timeline,
            *(f"  book: {trade}" for trade in fact.trades),
            f"  refunds: {fact.view['refunds']}",
        ]
    )
