"""Buyers who follow what is theirs by a stream instead of asking again and again.

Their connections are cut every few seconds, and whatever happened meanwhile must be told all the
same. Nothing of theirs is polled: what the stream does not say they do not know.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from types import TracebackType
from typing import Self, TypeVar

from pydantic import BaseModel, ValidationError

from domain.audit import Check
from domain.states import OrderStatus
from practice.rush.http import Unreachable
from practice.rush.notes import Notes, WonOrder
from practice.rush.retries import UNREACHABLE
from practice.rush.sse import EventSource
from practice.rush.views import SeenOrder, SeenTicket

PATH = "/v1/me/events"
# Each is a connection; the others ask as ever.
MOST = 500
CUT_SECONDS = (1.0, 6.0)
COME_BACK_SECONDS = (0.0, 0.3)
UNREACHABLE_SECONDS = 0.5
# What a stream may be behind: places are told once a second, and after a draw spread over five.
BEHIND_SECONDS = 10.0

ModelT = TypeVar("ModelT", bound=BaseModel)


class Stream:
    """What one buyer was told: his orders by id, and his place. The place is of the only room there
    is in a rush."""

    def __init__(self) -> None:
        self.orders: dict[str, SeenOrder] = {}
        self.place: SeenTicket | None = None
        self._changed = asyncio.Event()

    def heard(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(self, right: Callable[[], bool], seconds: float) -> bool:
        """Whether it is so within so long."""
        end = time.monotonic() + seconds
        while not right():
            if (left := end - time.monotonic()) <= 0:
                return False
            # Several may wait at once, each for something else.
            changed = self._changed
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await changed.wait()
        return True


class Streams:
    """`share`: of the buyers who follow so."""

    def __init__(
        self, source: EventSource, notes: Notes, tokens: dict[str, str], share: float, dice: Random
    ) -> None:
        self._source = source
        self._notes = notes
        self._tokens = tokens
        self._share = share
        self._random = dice
        self._of_user: dict[str, Stream | None] = {}
        self._following: set[asyncio.Task[None]] = set()

    def of(self, user_id: str) -> Stream | None:
        """The buyer's stream, opened the first time; None for who asks for himself."""
        if user_id not in self._of_user:
            follows = self._random.random() < self._share and len(self._following) < MOST
            stream = self._of_user[user_id] = Stream() if follows else None
            if stream:
                self._following.add(asyncio.create_task(self._follow(user_id, stream)))
        return self._of_user[user_id]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)

    async def verdict(self, within: float = 0.0) -> Check:
        """Once everybody has looked at what he has: do the streams say the same? They may be
        `within` seconds behind, where that is more than usual."""
        followed = [
            (stream, order)
            for order in self._notes.orders.values()
            if (stream := self._of_user.get(order.user_id)) is not None
        ]
        notes, behind = self._notes.streams, max(BEHIND_SECONDS, within)
        said = await asyncio.gather(
            *(stream.until(partial(_says, stream, order), behind) for stream, order in followed)
        )
        missed = tuple(
            order.order_id for (_, order), right in zip(followed, said, strict=True) if not right
        )
        wrong = len(missed) + len(notes.missed)
        detail = (
            f"{len(self._following)} followed by streams, which were cut {notes.cuts} times and "
            f"told all {notes.told} changes"
        )
        if wrong:
            detail = f"{wrong} changes were never told by a stream: " + "; ".join(notes.missed[:3])
        return Check(code="R14", ok=not wrong, detail=detail, orders=missed)

    async def _follow(self, user_id: str, stream: Stream) -> None:
        while True:
            try:
                async with asyncio.timeout(self._random.uniform(*CUT_SECONDS)):
                    await self._hear(user_id, stream)
            except TimeoutError:
                self._notes.streams.cuts += 1
            except Unreachable:
                self._notes.faults[UNREACHABLE] += 1
                await asyncio.sleep(UNREACHABLE_SECONDS)
            await asyncio.sleep(self._random.uniform(*COME_BACK_SECONDS))

    async def _hear(self, user_id: str, stream: Stream) -> None:
        async for event in self._source.events(PATH, self._tokens[user_id]):
            order = _read(SeenOrder, event.data) if event.name == "order" else None
            place = _read(SeenTicket, event.data) if event.name == "place" else None
            if order and stream.orders.get(order.order_id) != order:
                stream.orders[order.order_id] = order
                self._notes.streams.told += 1
            if place and stream.place != place:
                stream.place = place
                self._notes.streams.told += 1
            stream.heard()


def _says(stream: Stream, order: WonOrder) -> bool:
    """What its buyer saw by a look of his own, or what came of that since."""
    told = stream.orders.get(order.order_id)
    if told is None or order.seen is None:
        return order.seen is None
    was_paid = order.status is OrderStatus.PAID and told.status is OrderStatus.FULFILLED
    return told.status is order.status or was_paid


def _read(model: type[ModelT], data: str) -> ModelT | None:
    try:
        return model.model_validate_json(data)
    except ValidationError:
        return None
