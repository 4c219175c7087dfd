"""Sends operators what needs a person: nobody looks at a list at three in the morning."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from dispatching.patience import keep_on, pause
from domain.operator_message import OperatorMessage
from infra.operator_messages.protocol import OperatorChannel, OperatorNotTold
from infra.operator_messages.registry import open_operator_channel
from infra.postgres.engine import Database
from infra.postgres.untold_attentions import UntoldAttentions
from infra.settings import Settings

log = structlog.get_logger()

LOOK_SECONDS = 2.0
AT_ONCE = 20
AGAIN_AFTER = timedelta(hours=1)
# Longer than sending takes, and how soon one that could not be sent is tried again.
LEASE = timedelta(seconds=30)


@asynccontextmanager
async def telling_operators(
    settings: Settings, database: Database, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Inside the block, by the channel of this installation; sets `stop` at its end."""
    channel = open_operator_channel(settings.operator_messages)
    try:
        async with AttentionTeller(database, channel).telling(stop):
            yield
    finally:
        await channel.aclose()


class AttentionTeller:
    """Without Temporal: that it is away is a reason to call somebody."""

    def __init__(
        self,
        database: Database,
        channel: OperatorChannel,
        *,
        lease: timedelta = LEASE,
        again_after: timedelta = AGAIN_AFTER,
    ) -> None:
        self._database = database
        self._channel = channel
        self._lease = lease
        self._again_after = again_after

    @asynccontextmanager
    async def telling(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Inside the block, more slowly while Postgres is away; sets `stop` at its end."""
        rounds = asyncio.create_task(keep_on(stop, lambda: self._look(stop)))
        # A process that has ceased to call for help must not go on as if it did.
        rounds.add_done_callback(lambda _: stop.set())
        try:
            yield
        finally:
            stop.set()
            await rounds

    async def tell_what_is_due(self) -> int:
        """One round; answers how many were looked at."""
        async with self._database.transaction() as connection:
            due = await UntoldAttentions(connection).claim(AT_ONCE, self._lease, self._again_after)
        # All to their end, whatever becomes of one: none may outlive the pool it uses.
        ended = await asyncio.gather(*map(self._tell, due), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error
        return len(due)

    async def _look(self, stop: asyncio.Event) -> None:
        if await self.tell_what_is_due() < AT_ONCE:
            await pause(stop, LOOK_SECONDS)

    async def _tell(self, message: OperatorMessage) -> None:
        # Sent before it is marked: who dies in between sends it again, under the same name.
        try:
            await self._channel.tell(message)
        except OperatorNotTold as error:
            # Its claim runs out, and then it is tried again.
            log.warning(
                "operators_not_told", attention_id=message.attention_id, error=str(error)[:200]
            )
            return
        async with self._database.transaction() as connection:
            await UntoldAttentions(connection).mark(message)
