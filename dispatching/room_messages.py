"""Tells who has a place in a room that he is called, or that the room is over: each thing once.

What is owed stands in rows, which are written with the tickets. A message may be sent again by
whoever finds it unsaid; its id is the same, and whoever takes messages takes each id once.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

import structlog

from dispatching.patience import keep_on, pause, store_is_away
from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.sale import ItemRef
from infra.buyer_messages.protocol import MessageNotSent, MessageSender
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.room_messages import DueMessage, RoomMessages

log = structlog.get_logger()

LOOK_SECONDS = 0.5
# All of them at once: a receiver that hangs must not keep the next call waiting for long.
MESSAGES_AT_ONCE = 50
# Longer than a sender takes to give up.
LEASE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 300.0
# After four minutes, with pauses that double.
TRIES_BEFORE_A_PERSON = 8
ADVICE = (
    "buyers with a place in this room are not told that they are called, or that it is over: see "
    "to whoever takes the messages (SECKILL_MESSAGES_WEBHOOK_URL); all is sent again by itself"
)
# Where Redis told nobody that a sale is over: so long after its end its joins are written down.
ENDED_SECONDS_AGO = 30.0
END_ROOMS_SECONDS = 10.0


class RoomMessageRelay:
    """Any number of processes may run it."""

    def __init__(self, database: Database, sender: MessageSender) -> None:
        self._database = database
        self._sender = sender
        self._ended_rooms_at = -END_ROOMS_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, more slowly while Postgres is away."""
        await keep_on(stop, lambda: self._look(stop))

    async def _look(self, stop: asyncio.Event) -> None:
        now = time.monotonic()
        if now - self._ended_rooms_at >= END_ROOMS_SECONDS:
            await self.end_rooms()
            self._ended_rooms_at = now
        if not await self.relay():
            await pause(stop, LOOK_SECONDS)

    async def end_rooms(self, ended_seconds_ago: float = ENDED_SECONDS_AGO) -> None:
        """Sales whose end their rooms did not tell, for Redis was lost meanwhile."""
        async with self._database.driver() as driver, driver.transaction():
            messages = RoomMessages(driver)
            for item in await messages.end_rooms(ended_seconds_ago):
                await messages.owe_ends(item)

    async def relay(self) -> int:
        """Those that are due, as many as go at once; how many there were. Raises what Postgres
        raises."""
        async with self._database.driver() as driver:
            due = await RoomMessages(driver).claim(MESSAGES_AT_ONCE, LEASE_SECONDS)
        if not due:
            return 0
        were_told = await asyncio.gather(*(self._tell(one) for one in due))
        outcomes = list(zip(due, were_told, strict=True))
        async with self._database.driver() as driver:
            await RoomMessages(driver).note(
                (one, None if was_told else _pause_after(one.tries)) for one, was_told in outcomes
            )
        await self._call_a_person(outcomes)
        return len(due)

    async def _tell(self, due: DueMessage) -> bool:
        try:
            await self._sender.send(due.message)
        except MessageNotSent:
            return False
        except Exception as error:
            if store_is_away(error):
                raise
            log.exception("room_message_failed", message_id=due.message.message_id)
            return False
        return True

    async def _call_a_person(self, outcomes: Sequence[tuple[DueMessage, bool]]) -> None:
        tried_long: dict[ItemRef, list[bool]] = defaultdict(list)
        for due, was_told in outcomes:
            if due.tries >= TRIES_BEFORE_A_PERSON:
                tried_long[due.item].append(was_told)
        for item, were_told in tried_long.items():
            subject = f"room messages {item.sale_id}/{item.sku_id}"
            async with self._database.transaction() as connection:
                attentions, kind = Attentions(connection), AttentionKind.STEP_STUCK
                if any(were_told):
                    await attentions.resolve(kind, subject, SYSTEM, "messages get through again")
                else:
                    what = "messages to buyers of a room have not got through for minutes"
                    await attentions.raise_(kind, subject, what=what, advice=ADVICE)


def _pause_after(tries: int) -> float:
    return min(2.0 ** min(tries, 10), LONGEST_PAUSE_SECONDS)
