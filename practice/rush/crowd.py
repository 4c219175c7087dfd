"""The crowd: everybody clicks at once, some twice, bots fifty times, and who is refused comes
back."""

import asyncio
import time
from collections.abc import Callable
from random import Random

from domain.errors import ErrorCode
from domain.sale import ItemRef
from practice.rush.buyers import CLICKS_OF_A_BOT, Buyer, Habit
from practice.rush.clicks import Clicks
from practice.rush.context import RushContext
from practice.rush.notes import ACCEPTED, UNANSWERED, WonOrder

# After any other refusal trying again is pointless.
WORTH_COMING_BACK = frozenset(
    {ErrorCode.SOLD_OUT, ErrorCode.NOT_STARTED, ErrorCode.PAUSED, UNANSWERED}
)
COME_BACK_SECONDS = (0.5, 3.0)
NEXT_CLICK_SECONDS = (0.05, 0.3)
DOUBLE_CLICK_SECONDS = 0.05


class Crowd:
    """`item`: the one thing everybody is after. `on_order` is called for each order won."""

    def __init__(
        self,
        context: RushContext,
        item: ItemRef,
        *,
        random: Random,
        on_order: Callable[[WonOrder], None],
    ) -> None:
        self._notes = context.notes
        self._clicks = Clicks(context, item, on_order)
        self._random = random

    async def run(self, buyers: list[Buyer], starts_at: float, seconds: float) -> None:
        """Let them click from `starts_at` (server's clock, seconds since the epoch) on."""
        start = time.monotonic() + starts_at - self._notes.now()
        async with asyncio.TaskGroup() as everybody:
            for buyer in buyers:
                everybody.create_task(self._try_luck(buyer, start, start + seconds))

    async def _try_luck(self, buyer: Buyer, start: float, end: float) -> None:
        at, tries, won = start + buyer.first_click, 0, 0
        is_bot = buyer.habit is Habit.BOT
        while won < buyer.wants and at < end and not (is_bot and tries == CLICKS_OF_A_BOT):
            await asyncio.sleep(at - time.monotonic())
            tries += 1
            verdict = await self._click(buyer, f"{buyer.user_id}-{tries}")
            if verdict == ACCEPTED:
                won += 1
            elif verdict not in WORTH_COMING_BACK:
                return
            # Who came early waits for the start; who lost, for somebody to change his mind.
            early = verdict == ErrorCode.NOT_STARTED
            soon = early or verdict == ACCEPTED or is_bot
            pause = NEXT_CLICK_SECONDS if soon else COME_BACK_SECONDS
            at = max(start if early else 0.0, time.monotonic()) + self._random.uniform(*pause)

    async def _click(self, buyer: Buyer, key: str) -> str:
        if buyer.habit in (Habit.ONCE, Habit.BOT):
            return (await self._clicks.click(buyer.user_id, key))[0]
        if buyer.habit is Habit.TWICE_WITHOUT_KEY:
            key = ""
        pause = self._random.uniform(0.001, DOUBLE_CLICK_SECONDS)
        first, second = await asyncio.gather(
            self._clicks.click(buyer.user_id, key),
            self._clicks.click(buyer.user_id, key, after=pause),
        )
        if key and first[0] == second[0] == ACCEPTED and first[1] != second[1]:
            self._notes.breaches.append(f"{key}: {first[1]} and {second[1]} under one key")
        return ACCEPTED if ACCEPTED in (first[0], second[0]) else second[0]
