"""What is over for long goes out of the way of the daily work."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from domain.model import Value
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.notices import Notices

# Small enough for one statement's time limit, and for others who wait for the same rows.
BATCH = 1000


class ArchiveOld(Value):
    older_than: datetime


class Archived(Value):
    """How many rows: deliveries moved to the archive, notices whose bytes were forgotten."""

    deliveries: int = 0
    notices: int = 0


class ArchiveActivities:
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def archive_old(self, command: ArchiveOld) -> Archived:
        """May be repeated, and cut off in between: what was archived stays so."""
        older_than = command.older_than
        return Archived(
            deliveries=await self._in_batches(
                lambda connection: Deliveries(connection).archive(older_than, BATCH)
            ),
            notices=await self._in_batches(
                lambda connection: Notices(connection).strip(older_than, BATCH)
            ),
        )

    async def _in_batches(self, step: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        total = 0
        while True:
            async with self._database.transaction() as connection:
                done = await step(connection)
            total += done
            # Between the batches, so that a cancel is heard and a dead worker missed soon.
            activity.heartbeat(total)
            if done < BATCH:
                return total
