"""The crowd: everybody clicks at once, some twice, and who is refused comes back."""

import asyncio
import time
from collections.abc import Callable
from random import Random

from domain.errors import ErrorCode
from domain.sale import ItemRef
from practice.rush.buyers import Buyer, Habit
from practice.rush.context import RushContext
from practice.rush.http import Answer
from practice.rush.notes import ACCEPTED, UNANSWERED, Wait, WonOrder

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
        self._shop = context.shop
        self._notes = context.notes
        self._retries = context.retries
        self._tokens = context.tokens
        self._item = item
        self._random = random
        self._on_order = on_order

    async def run(self, buyers: list[Buyer], starts_at: float, seconds: float) -> None:
        """Let them click from `starts_at` (server's clock, seconds since the epoch) on."""
        start = time.monotonic() + starts_at - self._notes.now()
        async with asyncio.TaskGroup() as everybody:
            for buyer in buyers:
                everybody.create_task(self._try_luck(buyer, start, start + seconds))

    async def _try_luck(self, buyer: Buyer, start: float, end: float) -> None:
        at, tries, won = start + buyer.first_click, 0, 0
        while won < buyer.wants and at < end:
            await asyncio.sleep(at - time.monotonic())
            tries += 1
            verdict = await self._click(buyer, f"{buyer.user_id}-{tries}")
            if verdict == ACCEPTED:
                won += 1
            elif verdict not in WORTH_COMING_BACK:
                return
            # Who came early waits for the start; who lost, for somebody to change his mind.
            early = verdict == ErrorCode.NOT_STARTED
            pause = NEXT_CLICK_SECONDS if early or verdict == ACCEPTED else COME_BACK_SECONDS
            at = max(start if early else 0.0, time.monotonic()) + self._random.uniform(*pause)

    async def _click(self, buyer: Buyer, key: str) -> str:
        if buyer.habit is Habit.ONCE:
            return (await self._place(buyer, key))[0]
        if buyer.habit is Habit.TWICE_WITHOUT_KEY:
            key = ""
        first, second = await asyncio.gather(
            self._place(buyer, key),
            self._place(buyer, key, after=self._random.uniform(0.001, DOUBLE_CLICK_SECONDS)),
        )
        if key and first[0] == second[0] == ACCEPTED and first[1] != second[1]:
            self._notes.breaches.append(f"{key}: {first[1]} and {second[1]} under one key")
        return ACCEPTED if ACCEPTED in (first[0], second[0]) else second[0]

    async def _place(self, buyer: Buyer, key: str, after: float = 0.0) -> tuple[str, str]:
        if after:
            await asyncio.sleep(after)
        self._notes.clicks += 1
        token = self._tokens[buyer.user_id]
        answer = await self._retries.ask(lambda: self._shop.place_order(self._item, token, key))
        return self._hear(buyer, answer)

    def _hear(self, buyer: Buyer, answer: Answer | None) -> tuple[str, str]:
        document = answer.document() if answer else {}
        verdict, order_id = UNANSWERED, str(document.get("order_id") or "")
        if answer:
            verdict = ACCEPTED if answer.ok else str(document.get("code") or answer.status)
        self._notes.answers[verdict] += 1
        if answer:
            self._notes.waits[Wait.CLICK].append(answer.seconds)
        if verdict != ACCEPTED:
            self._notes.refused(buyer.user_id, verdict)
        # A refusal may name the order of an earlier click whose answer was lost.
        if order_id and verdict in (ACCEPTED, ErrorCode.LIMIT_REACHED):
            order, is_new = self._notes.accepted(buyer.user_id, order_id)
            if is_new:
                self._on_order(order)
        return verdict, order_id
