"""The inbox's second chance: notices whose order has not heard of them yet."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from temporalio import activity

from activities.heartbeats import heartbeats
from domain.actors import SYSTEM
from domain.model import Value
from domain.notice import Notice
from infra.postgres.engine import Database
from infra.postgres.notice_queue import NoticeQueue
from infra.postgres.refused_notices import RefusedNotices
from notices.relay import NoticeRelay, RelayOutcome
from notices.telling import nobody_answers

log = structlog.get_logger()

BATCH = 200
AT_ONCE = 20
FORGOTTEN_AT_ONCE = 5000
OLD_ENOUGH = timedelta(seconds=3)
# Others leave a notice alone that was claimed; one whose worker died is due again after this.
LEASE = timedelta(minutes=1)
# No batch is begun after this. What is left is due still, and the next round comes soon.
ROUND_SECONDS = 30.0


class Relayed(Value):
    """How many notices went which way; `later`: those that could not be told right now."""

    signalled: int = 0
    refunding: int = 0
    duplicates: int = 0
    without_order: int = 0
    later: int = 0


class _Untold(StrEnum):
    """LATER: for a reason of its own; NOBODY: Temporal cannot be reached at all."""

    LATER = "later"
    NOBODY = "nobody"


class NoticeActivities:
    def __init__(self, database: Database, relay: NoticeRelay) -> None:
        self._database = database
        self._relay = relay

    @activity.defn
    async def relay_notices(self) -> Relayed:
        """Tell of every authentic notice that is due and nobody has acted on, each once."""
        async with heartbeats():
            ways = await self._round()
            async with self._database.transaction() as connection:
                queue = NoticeQueue(connection)
                await queue.close_heard(RelayOutcome.DUPLICATE)
                await queue.close_explained(SYSTEM)
                await RefusedNotices(connection).forget_all_but_the_newest(FORGOTTEN_AT_ONCE)
        return Relayed(
            signalled=ways[RelayOutcome.SIGNALLED],
            refunding=ways[RelayOutcome.REFUNDING],
            duplicates=ways[RelayOutcome.DUPLICATE] + ways[RelayOutcome.UNCONFIRMED],
            without_order=ways[RelayOutcome.UNMATCHED],
            later=ways[_Untold.LATER] + ways[_Untold.NOBODY],
        )

    async def _round(self) -> Counter[RelayOutcome | _Untold]:
        now, begun = datetime.now(UTC), time.monotonic()
        ways: Counter[RelayOutcome | _Untold] = Counter()
        while time.monotonic() - begun < ROUND_SECONDS:
            async with self._database.transaction() as connection:
                queue = NoticeQueue(connection)
                due = await queue.claim(now, now - OLD_ENOUGH, BATCH, LEASE)
            told = await self._tell(due)
            ways.update(told)
            # A server that is away is not asked for all the others too.
            if len(due) < BATCH or all(way is _Untold.NOBODY for way in told):
                break
        return ways

    async def _tell(self, due: Sequence[Notice]) -> list[RelayOutcome | _Untold]:
        few = asyncio.Semaphore(AT_ONCE)
        told = await asyncio.gather(*(self._tell_one(notice, few) for notice in due))
        pairs = zip(due, told, strict=True)
        unheard = [notice.notice_id for notice, way in pairs if way is _Untold.NOBODY]
        if unheard:
            async with self._database.transaction() as connection:
                await NoticeQueue(connection).give_back(unheard)
        return told

    async def _tell_one(self, notice: Notice, few: asyncio.Semaphore) -> RelayOutcome | _Untold:
        """One that cannot be told must not keep the others of its round from being told."""
        async with few:
            try:
                return await self._relay.relay_promptly(notice)
            except Exception as error:
                log.warning("notice_waits", notice_id=notice.notice_id, error=repr(error)[:200])
                if nobody_answers(error):
                    return _Untold.NOBODY
                async with self._database.transaction() as connection:
                    await NoticeQueue(connection).note_failure(notice)
                return _Untold.LATER
