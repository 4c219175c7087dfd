"""A room that Redis has lost, put back from what is written down of it."""

import structlog
from redis.asyncio import Redis

from domain.room import RoomState, Ticket
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.postgres.rooms import TICKETS_AT_ONCE, Rooms
from infra.redis.room_gate import RoomGate
from infra.single_flight import SingleFlight

log = structlog.get_logger()


class RoomRecovery:
    """Awaited with an item that Redis knows. May be repeated, and done by several processes at
    once: what is known better already is left alone. Raises what the stores raise."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self._database = database
        self._rooms = RoomGate(redis)
        # Everybody who joins finds the room lost, and one puts it back. Nothing is remembered of
        # it: the room may be lost again the next moment.
        self._under_way: SingleFlight[ItemRef, None] = SingleFlight(1)

    async def state(self, item: ItemRef) -> RoomState | None:
        """As Redis has it now."""
        return await self._rooms.state(item)

    async def __call__(self, item: ItemRef) -> None:
        await self._under_way.get(item, lambda: self._put_back(item))

    async def _put_back(self, item: ItemRef) -> None:
        # A room that was never used has no row, and nothing to go on behind.
        next_number, restored = 0, 0
        async with self._database.transaction() as connection:
            kept = await Rooms(connection).get(item)
            drawn = await Rooms(connection).drawn(item)
            # Places first: without them a called ticket does not say how far was called.
            if drawn:
                await self._rooms.fix_places(item, drawn.digest.hex(), drawn.places)
            page: list[Ticket] = []
            async for ticket in Rooms(connection).tickets(item):
                next_number = max(next_number, ticket.index + 1, ticket.number + 1)
                page.append(ticket)
                if len(page) == TICKETS_AT_ONCE:
                    restored += await self._rooms.restore_tickets(item, page)
                    page.clear()
            restored += await self._rooms.restore_tickets(item, page)
        # Last of all: until then nobody joins, and nobody is called.
        await self._rooms.reopen(
            item,
            max(next_number, kept.next_number if kept else 0),
            kept.serving if kept else 0,
            kept.pool_size if kept else None,
            kept.digest.hex() if kept and kept.digest else None,
        )
        log.info("room_recovered", **item.model_dump(), tickets=restored)
