"""Draws lots for pools that have ended. Killed at any line and begun again, or by several processes
at once, it comes to the same places: the first outcome that is written down is the one."""

import asyncio
from typing import NamedTuple

import structlog
from redis.asyncio import Redis

from domain.attention import AttentionKind
from domain.draw import CommittedSeed, Drawn, draw
from domain.sale import ItemRef
from infra.postgres.attentions import Attentions
from infra.postgres.draw_seeds import DrawSeeds
from infra.postgres.engine import Database
from infra.postgres.rooms import Rooms
from infra.redis.joins import Joins
from infra.redis.room_gate import FixedPool, RoomGate
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

NO_SEED = "the seed of the draw is gone"
WRONG_SEED = "the seed of the draw does not fit its commitment"


class _EndedPool(NamedTuple):
    """`last_join`: the newest entry of the stream once the pool was closed, so that none of its
    joins is younger. None for a stream that was empty."""

    pool: FixedPool
    last_join: str | None


class Draws:
    def __init__(self, redis: Redis, database: Database) -> None:
        self._database = database
        self._gate = StockGate(redis)
        self._rooms = RoomGate(redis)
        self._joins = Joins(redis)
        self._ended: dict[ItemRef, _EndedPool] = {}
        self._void: set[ItemRef] = set()

    async def draw_if_due(self, item: ItemRef) -> bool:
        """Whether its places stand now, who ever drew them. Raises what the stores raise."""
        terms = await self._gate.terms(item)
        if terms is None or not terms.drawn or item in self._void:
            return False
        state = await self._rooms.state(item)
        if state is None:
            return False
        if state.digest is None:
            ended = self._ended.get(item) or await self._end_pool(item)
            drawn = ended and (await self._drawn(item) or await self._draw(item, ended))
            if not drawn:
                return False
            # Only now: nobody may be called by places that are not written down.
            await self._rooms.fix_places(item, drawn.digest.hex(), drawn.places)
        self._ended.pop(item, None)
        return True

    async def _draw(self, item: ItemRef, ended: _EndedPool) -> Drawn | None:
        """None while something is waited for, and for a draw that is void."""
        async with self._database.transaction() as connection:
            seed = await DrawSeeds(connection).to_draw(item.sale_id)
        if seed is None or not seed.fits:
            await self._call_void(item, WRONG_SEED if seed else NO_SEED)
            return None
        # Before the leaves, which would be read again and again for as long as it takes.
        if seed.waits_for_beacon:
            return None
        leaves = await self._leaves(item, ended)
        return await self._fix(item, seed, leaves) if leaves is not None else None

    async def _fix(self, item: ItemRef, seed: CommittedSeed, leaves: list[bytes]) -> Drawn | None:
        # Half a second of hashing for 100,000 would hold up every order this process places.
        drawn = await asyncio.to_thread(draw, seed, leaves)
        async with self._database.transaction() as connection:
            rooms = Rooms(connection)
            await rooms.keep(item, drawn.pool_size, 0)
            if await rooms.fix_draw(item, drawn):
                size, digest = drawn.pool_size, drawn.digest.hex()
                log.info("draw_done", **item.model_dump(), pool_size=size, digest=digest)
        # Another process may have been faster, and its outcome is the one.
        return await self._drawn(item)

    async def _leaves(self, item: ItemRef, ended: _EndedPool) -> list[bytes] | None:
        """Of the pool, once all its rows stand; None before."""
        last = ended.last_join
        if last is not None and not await self._joins.are_forgotten(item, last):
            return None
        async with self._database.transaction() as connection:
            kept = await Rooms(connection).leaves(item, ended.pool.size)
        # A Postgres that was set back knows less than Redis, and a Redis less than Postgres:
        # whoever is known to either takes part.
        return [row or leaf for row, leaf in zip(kept, ended.pool.leaves, strict=True)]

    async def _end_pool(self, item: ItemRef) -> _EndedPool | None:
        pool = await self._rooms.fix_pool(item)
        if pool is None:
            return None
        self._ended[item] = _EndedPool(pool, await self._joins.newest(item))
        return self._ended[item]

    async def _drawn(self, item: ItemRef) -> Drawn | None:
        async with self._database.transaction() as connection:
            return await Rooms(connection).drawn(item)

    async def _call_void(self, item: ItemRef, because: str) -> None:
        async with self._database.transaction() as connection:
            await Rooms(connection).keep(item, 0, 0)
            await Rooms(connection).call_void(item, because)
            await Attentions(connection).raise_once(
                AttentionKind.DRAW_VOID,
                f"{item.sale_id}/{item.sku_id}",
                what=f"{because}: the draw is void, and nobody is called",
                advice="tell the buyers, cancel the sale and publish another one",
            )
        log.error("draw_void", **item.model_dump(), because=because)
        self._ended.pop(item, None)
        self._void.add(item)
