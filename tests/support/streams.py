"""Clients of streams, and whoever changes what they follow."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from redis.asyncio import Redis

from api.app import create_app
from api.connections import Limits, limited_protocol
from domain.order import Order
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.redis.order_changes import ChangeAnnouncer
from infra.settings import Settings
from practice.stack.loopback import loopback_http
from tests.support.documented import Documented
from tests.support.http_server import serving
from tests.support.shop import Shop


@dataclass
class Event:
    """`view`: its data."""

    name: str | None = None
    id: str | None = None
    retry: int | None = None
    view: dict[str, Any] = field(default_factory=dict)


class EventReader:
    """The events of one answer, in turn. What is no event, such as a heartbeat, is counted."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments = 0
        self._lines = answer.aiter_lines()

    async def next(self) -> Event:
        """Raises StopAsyncIteration at the end of the stream."""
        while True:
            event = await self._block()
            if event.view:
                return event

    async def status(self) -> str:
        return str((await self.next()).view["status"])

    async def rest(self) -> list[Event]:
        """All that comes until the server ends the stream, what is no event of ours included."""
        events = []
        while True:
            try:
                events.append(await self._block())
            except StopAsyncIteration:
                return events

    async def _block(self) -> Event:
        event, is_empty = Event(), True
        async for line in self._lines:
            name, _, value = line.partition(":")
            match name:
                case "data":
                    event.view = json.loads(value)
                case "event":
                    event.name = value.strip()
                case "id":
                    event.id = value.strip()
                case "retry":
                    event.retry = int(value)
                case "" if line:
                    self.comments += 1
                    continue
                case "" if not is_empty:
                    return event
            is_empty = not line
        raise StopAsyncIteration


@asynccontextmanager
async def following(
    http: httpx.AsyncClient, path: str, headers: Mapping[str, str], **more: str
) -> AsyncIterator[EventReader]:
    async with http.stream("GET", path, headers={**headers, **more}) as answer:
        yield EventReader(answer)


@asynccontextmanager
async def announcing(dsn: str, redis: Redis) -> AsyncIterator[Database]:
    """The database as a process opens it that tells of what it changes."""
    announcer = ChangeAnnouncer(redis)
    database = Database.connect(dsn, pool_size=2, announce=announcer.announce)
    yield database
    await announcer.aclose()
    await database.aclose()


@asynccontextmanager
async def live(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The API, served as in production; whatever it answers must be documented."""
    app = create_app(settings)
    async with (
        serving(app, protocol=limited_protocol(Limits(connections=100))) as url,
        loopback_http(url) as http,
    ):
        http.event_hooks = {"response": [Documented(app).check]}
        yield http


async def placed(shop: Shop, ledger: Database, user_id: str = "ada") -> Order:
    intent = await shop.intent(user_id)
    async with ledger.driver() as driver:
        placing = await HotPath(driver).place(intent, datetime.now(UTC))
    assert placing
    return placing.order
