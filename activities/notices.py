"""The inbox's second chance: notices whose order has not heard of them yet."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity

from domain.gateway_errors import GatewayError
from domain.model import Value
from domain.notice import Notice
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from notices.relay import NoticeRelay, RelayOutcome

log = structlog.get_logger()

BATCH = 200
AT_ONCE = 10
OLD_ENOUGH = timedelta(seconds=3)


class Relayed(Value):
    """How many notices went which way; `later`: their provider did not answer."""

    signalled: int = 0
    refunding: int = 0
    duplicates: int = 0
    without_order: int = 0
    later: int = 0


class NoticeActivities:
    def __init__(self, database: Database, relay: NoticeRelay) -> None:
        self._database = database
        self._relay = relay

    @activity.defn
    async def relay_notices(self) -> Relayed:
        """Tell again of every authentic notice nobody has acted on."""
        async with self._database.transaction() as connection:
            older_than = datetime.now(UTC) - OLD_ENOUGH
            waiting = await Notices(connection).unhandled(older_than, BATCH)
        few = asyncio.Semaphore(AT_ONCE)
        told = await asyncio.gather(*(_tell(self._relay, notice, few) for notice in waiting))
        ways = Counter(told)
        return Relayed(
            signalled=ways[RelayOutcome.SIGNALLED],
            refunding=ways[RelayOutcome.REFUNDING],
            duplicates=ways[RelayOutcome.DUPLICATE] + ways[RelayOutcome.UNCONFIRMED],
            without_order=ways[RelayOutcome.UNMATCHED],
            later=ways[None],
        )


async def _tell(relay: NoticeRelay, notice: Notice, few: asyncio.Semaphore) -> RelayOutcome | None:
    """None when a provider has to be asked first, and does not answer."""
    async with few:
        try:
            return await relay.relay(notice)
        except GatewayError as error:
            log.warning("notice_waits", notice_id=notice.notice_id, error=str(error))
            return None
