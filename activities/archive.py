"""What is over for long goes out of the way of the daily work."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from domain.bill import day_of
from domain.model import Value
from infra.postgres.archive import Archive
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.ledger_archive import LedgerArchive
from infra.postgres.notices import Notices
from infra.postgres.refused_notices import RefusedNotices
from infra.postgres.rooms import Rooms

# Small enough for one query's time limit, and for others who wait for the same rows.
BATCH = 1000
# Providers give bills out for three months, and so long a day may be compared again.
BILLS_MATTER = timedelta(days=100)


class ArchiveOld(Value):
    """`ledgers_older_than`: of sales that ended before then, the ledger too; None: of none."""

    older_than: datetime
    ledgers_older_than: datetime | None = None


class Archived(Value):
    """How many rows: deliveries, events of orders, messages, attentions and lines of bills moved to
    the archive, notices whose bytes were forgotten, refused notices, reports of audits, rows of
    bills, tickets of rooms and lists of draws that were forgotten; and how many orders went to the
    archive with their ledger."""

    deliveries: int = 0
    notices: int = 0
    refused: int = 0
    order_events: int = 0
    messages: int = 0
    audits: int = 0
    attentions: int = 0
    bill_lines: int = 0
    unread_bill_rows: int = 0
    orders: int = 0
    tickets: int = 0
    draws: int = 0


class ArchiveActivities:
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def archive_old(self, command: ArchiveOld) -> Archived:
        """May be repeated, and cut off in between: what was archived stays so."""
        older_than = command.older_than
        billed = day_of(older_than - BILLS_MATTER)
        steps: dict[str, Callable[[AsyncConnection], Awaitable[int]]] = {
            "deliveries": lambda connection: Deliveries(connection).archive(older_than, BATCH),
            "notices": lambda connection: Notices(connection).strip(older_than, BATCH),
            "refused": lambda connection: RefusedNotices(connection).forget(older_than, BATCH),
            "order_events": lambda connection: Archive(connection).order_events(older_than, BATCH),
            "messages": lambda connection: Archive(connection).messages(older_than, BATCH),
            "audits": lambda connection: Archive(connection).forget_audits(older_than, BATCH),
            "attentions": lambda connection: Archive(connection).attentions(older_than, BATCH),
            "bill_lines": lambda connection: Archive(connection).bill_lines(billed, BATCH),
            "unread_bill_rows": lambda connection: Archive(connection).unread_bill_rows(
                billed, BATCH
            ),
            "tickets": lambda connection: Rooms(connection).forget_tickets(older_than, BATCH),
            "draws": lambda connection: Rooms(connection).forget_lists(older_than, BATCH),
        }
        done: dict[str, int] = {}
        failures: list[Exception] = []
        for name, step in steps.items():
            # One that fails keeps none of the others from being done.
            try:
                done[name] = await self._in_batches(step)
            except Exception as error:
                failures.append(error)
        try:
            done["orders"] = await self._archive_ledgers(command.ledgers_older_than)
        except Exception as error:
            failures.append(error)
        if failures:
            raise failures[0]
        return Archived(**done)

    async def _archive_ledgers(self, older_than: datetime | None) -> int:
        """Sale by sale, so that one of which something is open keeps no other here."""
        if older_than is None:
            return 0
        async with self._database.transaction() as connection:
            due = await LedgerArchive(connection).due(older_than)
        orders = 0
        for sale_id in due:

            async def move(connection: AsyncConnection, sale_id: str = sale_id) -> int:
                return await LedgerArchive(connection).move(sale_id, older_than, BATCH)

            orders += await self._in_batches(move)
        return orders

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
