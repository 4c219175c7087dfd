"""Writes down what became of tickets, so that Redis may be lost. Nobody waits for it but a draw."""

from collections.abc import Sequence

import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatching.patience import store_is_away
from domain.attention import AttentionKind
from domain.room import ChangedTicket
from domain.sale import ItemRef
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.flights.queries import planned_anew
from infra.postgres.room_messages import RoomMessages
from infra.postgres.rooms import Rooms, keep_tickets
from infra.redis.joins import JoinEntry, Joins
from infra.redis.room_gate import RoomGate
from infra.redis.room_lines import change_from, tells_over

log = structlog.get_logger()

# One commit for so many. A sale's room may open to 20,000 a second.
ENTRIES_AT_ONCE = 2_000
ROOMS_AT_ONCE = 32


class RoomRows:
    """Any number of processes may do it: a lock in Postgres keeps them off the same room."""

    def __init__(self, redis: Redis, database: Database) -> None:
        self._database = database
        self._joins = Joins(redis)
        self._rooms = RoomGate(redis)

    async def keep(self, items: Sequence[ItemRef]) -> bool:
        """What waits in the streams of these items, as far as one batch of each goes. Whether any
        may have more. Raises what the stores raise when they are away."""
        has_more = False
        for start in range(0, len(items), ROOMS_AT_ONCE):
            waiting = await self._joins.oldest(
                items[start : start + ROOMS_AT_ONCE], ENTRIES_AT_ONCE
            )
            for item, entries in waiting.items():
                was_kept = await self._keep_or_leave(item, entries)
                has_more |= was_kept and len(entries) == ENTRIES_AT_ONCE
        return has_more

    async def _keep_or_leave(self, item: ItemRef, entries: list[JoinEntry]) -> bool:
        try:
            return await self._keep(item, entries)
        except Exception as error:
            if store_is_away(error):
                raise
            # What one room says must not keep the rows of others away.
            log.exception("joins_left_in_stream", **item.model_dump(), entries=len(entries))
            return False

    async def _keep(self, item: ItemRef, entries: list[JoinEntry]) -> bool:
        """False if another process is at it."""
        state = await self._rooms.state(item)
        async with self._database.driver() as driver, planned_anew(driver):
            left_out = await keep_tickets(driver, item, _changes(item, entries))
            if left_out is not None and any(tells_over(entry.fields) for entry in entries):
                await RoomMessages(driver).owe_ends(item)
        if left_out is None:
            return False
        async with self._database.transaction() as connection:
            if state:
                await Rooms(connection).keep(item, state.next_number, state.serving)
            if left_out:
                await _call_for(connection, item, left_out)
        # Killed before this, they are written down once more, which changes nothing.
        await self._joins.forget(item, entries)
        return True


def _changes(item: ItemRef, entries: Sequence[JoinEntry]) -> list[ChangedTicket]:
    changes: list[ChangedTicket] = []
    for entry in entries:
        if tells_over(entry.fields):
            continue
        try:
            changes.append(change_from(entry.fields))
        except (LookupError, ValueError) as error:
            # Written by our own script, so by hand, or by a release to come: nobody waits for it.
            log.error("join_unreadable", **item.model_dump(), error=repr(error)[:200])
    return changes


async def _call_for(connection: AsyncConnection, item: ItemRef, users: Sequence[str]) -> None:
    log.error("room_index_given_twice", **item.model_dump(), tickets=len(users))
    await Attentions(connection).raise_(
        AttentionKind.ROOM_DRIFT,
        f"{item.sale_id}/{item.sku_id}",
        what=f"{len(users)} tickets have an index that another one had before: {_some(users)}",
        advice="they are not in the list of the draw; have their buyers leave and join again",
    )


def _some(users: Sequence[str]) -> str:
    return ", ".join(users[:5]) + (", …" if len(users) > 5 else "")
