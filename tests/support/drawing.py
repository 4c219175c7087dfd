"""A draw's room with rows behind it: joined before its start, which comes when the test says so."""

from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
from redis.asyncio import Redis

from dispatching.draws import Draws
from dispatching.room_rows import RoomRows
from domain.draw import leaf_of, new_nonce
from domain.room import PlaceReport, Ticket
from domain.sale import Admission, ItemRef, ItemTerms
from infra.postgres.draw_seeds import DrawSeeds
from infra.postgres.engine import Database
from infra.postgres.rooms import Rooms
from infra.redis.room_gate import RoomGate, room_script_keys
from infra.redis.scripts import Scripts
from infra.redis.stock_gate import StockGate
from infra.room_recovery import RoomRecovery
from tests.support.gate import FAR_AHEAD_MS, ITEM, LONG_AGO_MS, terms_of
from tests.support.ledger import open_item


@dataclass
class DrawnRoom:
    redis: Redis
    database: Database
    gate: StockGate
    rooms: RoomGate
    terms: ItemTerms

    @classmethod
    async def open(
        cls, redis: Redis, database: Database, *, beacon_source: str | None = None
    ) -> "DrawnRoom":
        """Its pool is open; the seed of its sale is made."""
        await open_item(database, sale_id=ITEM.sale_id)
        async with database.transaction() as connection:
            await DrawSeeds(connection).commit(ITEM.sale_id, beacon_source)
        terms = terms_of(
            admission=Admission.DRAW,
            starts_at_ms=FAR_AHEAD_MS,
            ends_at_ms=FAR_AHEAD_MS + 1,
            room_opens_at_ms=LONG_AGO_MS,
        )
        gate = StockGate(redis)
        await gate.preheat(terms, 3)
        rooms = RoomGate(redis, RoomRecovery(database, redis))
        return cls(redis, database, gate, rooms, terms)

    @property
    def item(self) -> ItemRef:
        return ITEM

    async def join(self, user_id: str) -> PlaceReport:
        nonce = new_nonce()
        leaf = leaf_of(ITEM.sale_id, ITEM.sku_id, user_id, nonce)
        return await self.rooms.join(ITEM, user_id, 1, leaf=leaf, nonce=nonce)

    async def start(self) -> None:
        """The pool ends."""
        started = self.terms.model_copy(update={"starts_at_ms": LONG_AGO_MS})
        await self.gate.preheat(started, 3)

    async def keep_rows(self) -> None:
        rows = RoomRows(self.redis, self.database)
        while await rows.keep([ITEM]):
            pass

    async def draw(self) -> bool:
        """By a process that has just begun."""
        return await Draws(self.redis, self.database).draw_if_due(ITEM)

    async def tickets(self) -> list[Ticket]:
        """As rows have them."""
        async with self.database.transaction() as connection:
            return [ticket async for ticket in Rooms(connection).tickets(ITEM)]

    async def place_of(self, user_id: str) -> int | None:
        return (await self.rooms.look(ITEM, user_id)).place

    async def places(self, users: list[str]) -> list[int | None]:
        return [await self.place_of(user) for user in users]


async def join_many(redis: Redis, item: ItemRef, users: Iterable[str]) -> None:
    """Into a room that is open, in one trip: what a crowd would do in thousands."""
    join, pipeline = Scripts(redis).join_room, redis.pipeline(transaction=False)
    for user in users:
        nonce = new_nonce()
        leaf = leaf_of(item.sale_id, item.sku_id, user, nonce)
        said: list[str | int] = [user, 1, leaf.hex(), nonce.hex()]
        await join(room_script_keys(item), said, client=pipeline)
    await pipeline.execute()


async def break_seed(dsn: str, how: str) -> None:
    """As by somebody who may do everything in the database; `how` follows the table's name."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(how)
    await connection.close()
