"""How long a buyer tries: what is lost or refused for the moment is asked for again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random

from practice.rush.http import Answer, Unreachable
from practice.rush.notes import Notes

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
# A rush is over in a minute; who asks for longer is asked again all the same.
LONGEST_RETRY_AFTER = 5.0
UNREACHABLE = "unreachable"
TOO_MANY_REQUESTS = 429


class Retries:
    def __init__(self, notes: Notes, seconds: float, random: Random) -> None:
        self._notes = notes
        self._seconds = seconds
        self._random = random

    async def ask(self, request: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """The first answer that is neither 429 nor 5xx; None if there was none in time.

        Whatever is asked must be harmless when the lost first try was heard after all."""
        give_up_at = time.monotonic() + self._seconds
        pause = FIRST_PAUSE
        while True:
            answer = None
            try:
                answer = await request()
            except Unreachable:
                self._notes.faults[UNREACHABLE] += 1
            if answer:
                if answer.status < 500 and answer.status != TOO_MANY_REQUESTS:
                    return answer
                self._notes.faults[str(answer.status)] += 1
            retry_after = min(answer.retry_after, LONGEST_RETRY_AFTER) if answer else 0.0
            wait = max(pause, retry_after) * self._random.uniform(0.8, 1.2)
            if time.monotonic() + wait >= give_up_at:
                return None
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)
