"""Both ends of an accepted order's way, in one process: placed at once, and handed to a workflow
when Temporal takes it. Beside them rooms are looked after, and commands to sales are made sure of,
which need no Temporal either."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from redis.asyncio import Redis

from dispatching.burial import Burial
from dispatching.placer import Placer
from dispatching.room_keeper import RoomKeeper
from dispatching.room_messages import RoomMessageRelay
from dispatching.sale_follower import SaleFollower
from dispatching.starter import Starter, StartsOrders
from infra.buyer_messages.protocol import MessageSender
from infra.postgres.engine import Database
from infra.postgres.flights.placing import PlacingFlights
from infra.redis.intent_groups import ALIVE_MS, Group, IntentGroup
from infra.redis.intents import Intents
from infra.redis.live_streams import LiveStreams
from infra.redis.stock_gate import StockGate


class Works(Protocol):
    async def run(self, stop: asyncio.Event) -> None: ...


class Dispatcher:
    """`alive_ms`: so long after its death others take over what a process had in hand. `sender`:
    tells those who wait in rooms; without one nobody is told."""

    def __init__(
        self,
        redis: Redis,
        database: Database,
        sender: MessageSender | None = None,
        *,
        alive_ms: int = ALIVE_MS,
    ) -> None:
        self._redis = redis
        self._alive_ms = alive_ms
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        group = self._group(Group.PLACE)
        self._burial = Burial(group, database, StockGate(redis))
        self._placer = Placer(
            group, Intents(redis), PlacingFlights(database), self._burial, alive_ms=alive_ms
        )
        self._works: list[Works] = [
            self._placer,
            RoomKeeper(redis, database),
            SaleFollower(redis, database),
        ]
        if sender is not None:
            self._works.append(RoomMessageRelay(database, sender))

    @asynccontextmanager
    async def placing(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Places orders, keeps rooms and follows sales inside the block, with Temporal or without
        it; sets `stop` at its end."""
        at_work = [asyncio.create_task(work.run(stop)) for work in self._works]
        for task in at_work:
            # A process that has ceased to place must not go on as if it did.
            task.add_done_callback(lambda _: stop.set())
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*at_work)

    async def start_workflows(self, workflows: StartsOrders, stop: asyncio.Event) -> None:
        """Until `stop`."""
        starter = Starter(
            self._group(Group.START),
            workflows,
            self._burial.bury_placed,
            self._placer.at_rest,
            alive_ms=self._alive_ms,
        )
        await starter.run(stop)

    def _group(self, group: Group) -> IntentGroup:
        # Each its own ear for the bell: what one has heard the other has not.
        streams = LiveStreams.of(self._redis)
        return IntentGroup(self._redis, streams, group, self._consumer, alive_ms=self._alive_ms)
