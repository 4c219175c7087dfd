"""The views of orders, told to the streams that follow them.

A message says that an order has changed, and never how: what changed is read, for all streams of
this process by one query a turn. A message that was lost is made up for by a look.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import structlog

from api.metrics import Metrics
from api.problems import Outage
from api.schemas.orders import OrderView, order_view
from api.streams.stream import End, Message, Stream
from domain.order import OrderChange
from domain.states import FINAL, RefundStatus
from infra.postgres.dossiers import (
    MOST,
    NEWEST_OF_A_USER,
    NOT_KNOWN,
    Dossiers,
    VersionedDossier,
)
from infra.postgres.engine import Database
from infra.readable import all_readable

log = structlog.get_logger()

LOOK_SECONDS = 10.0
USERS_A_TURN = 10
# A view takes a tenth of a millisecond to make, and clicks come in between.
VIEWS_AT_A_STRETCH = 10
PAUSE_AFTER_FAILURE_SECONDS = 0.5
EVENT = "order"
_MONEY_ON_ITS_WAY = frozenset({RefundStatus.REQUESTED, RefundStatus.ACCEPTED})


class SeenOrder(NamedTuple):
    """An order's view as a message. `is_over`: nothing in it will change by itself any more."""

    user_id: str
    message: Message
    is_over: bool


@dataclass(slots=True)
class _Followed:
    """`versions`: what all of the streams have been told, by order."""

    streams: set[Stream] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)


class OrderFeed:
    def __init__(
        self, database: Database, metrics: Metrics, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._look_seconds = look_seconds
        self._by_order: dict[str, _Followed] = {}
        self._by_user: dict[str, _Followed] = {}
        self._due: dict[str, int] = {}
        self._users_due: set[str] = set()
        self._asked: dict[str, asyncio.Future[SeenOrder | None]] = {}
        self._must_look = self._is_failing = False
        self._wake = asyncio.Event()

    def follow_order(self, stream: Stream, order_id: str) -> None:
        """From now on the stream is told of the order. Who wants to know what it is like now asks
        `see` afterwards: so no change falls between."""
        followed = self._by_order.setdefault(order_id, _Followed())
        followed.streams.add(stream)
        stream.at_close(lambda: _leave(self._by_order, order_id, stream))

    def follow_user(self, stream: Stream) -> None:
        """The stream is told of all orders of its user: at once of the newest, and from now on
        of each that changes."""
        followed = self._by_user.setdefault(stream.user_id, _Followed())
        followed.streams.add(stream)
        # The others have been told what this one has not.
        followed.versions.clear()
        stream.at_close(lambda: _leave(self._by_user, stream.user_id, stream))
        self._users_due.add(stream.user_id)
        self._wake.set()

    async def see(self, order_id: str) -> SeenOrder | None:
        """The order now, read with whatever else is to be read; None for one that Postgres does
        not know. Raises what Postgres raises."""
        answer = self._asked.get(order_id)
        if answer is None:
            answer = self._asked[order_id] = asyncio.get_running_loop().create_future()
            self._wake.set()
        # Shielded: others may wait for the same answer.
        return await asyncio.shield(answer)

    def changed(self, changes: Sequence[OrderChange]) -> None:
        """What was told on the channel."""
        for change in changes:
            known = self._known(change.order_id, change.user_id)
            if known is not None and known < change.version:
                self._due[change.order_id] = known
        if self._due:
            self._wake.set()

    def look(self) -> None:
        """Something may have been told that was not heard."""
        self._must_look = True
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled, with Postgres or without it."""
        loop = asyncio.get_running_loop()
        look_at = loop.time() + self._look_seconds
        while True:
            try:
                async with asyncio.timeout_at(look_at):
                    await self._wake.wait()
            except TimeoutError:
                self._must_look = True
            self._wake.clear()
            if self._must_look:
                look_at = loop.time() + self._look_seconds
            if not await self._turn():
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
                self._wake.set()

    async def _turn(self) -> bool:
        """Reads what is due, asked for or to be looked at by one query; False if that failed,
        and then it is due again."""
        looks, self._must_look = self._must_look, False
        asked = dict(islice(self._asked.items(), MOST))
        due = dict(islice(self._due.items(), MOST - len(asked)))
        users = list(islice(self._users_due, USERS_A_TURN))
        self._forget_due(asked, due, users)
        known = due | (self._all_known() if looks else {}) | dict.fromkeys(asked, NOT_KNOWN)
        of_users = self._by_user if looks else users
        try:
            if known or of_users:
                at_most = MOST + len(users) * NEWEST_OF_A_USER
                found = await self._read(known, of_users, at_most)
                # There may be more than one query may bring.
                self._must_look = self._must_look or (looks and len(found) == at_most)
                seen = await self._tell(found)
                for order_id, answer in asked.items():
                    _answer(answer, seen.get(order_id))
        except Exception as error:
            self._due = due | self._due
            self._users_due.update(users)
            self._must_look = self._must_look or looks
            for answer in asked.values():
                if not answer.done():
                    answer.set_exception(error)
                    # Looked at, or asyncio complains where nobody waits any more.
                    answer.exception()
            if not self._is_failing:
                _complain(error)
            self._is_failing = True
            return False
        self._is_failing = False
        if self._asked or self._due or self._users_due or self._must_look:
            self._wake.set()
        return True

    def _forget_due(
        self, asked: Collection[str], due: Collection[str], users: Collection[str]
    ) -> None:
        # Before it is read: what is told meanwhile is due once more.
        for order_id in asked:
            del self._asked[order_id]
        for order_id in due:
            del self._due[order_id]
        self._users_due.difference_update(users)

    async def _read(
        self, known: dict[str, int], users: Collection[str], at_most: int
    ) -> list[VersionedDossier]:
        async with self._database.driver() as driver:
            found = await Dossiers(driver).changed(known, users, at_most=at_most)
        self._metrics.views_read(len(found))
        return found

    async def _tell(self, found: Sequence[VersionedDossier]) -> dict[str, SeenOrder]:
        told = {}
        for number, one in enumerate(found, start=1):
            for seen in all_readable([one], _seen):
                told[seen.message.key] = seen
                self._spread(seen)
            if number % VIEWS_AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        return told

    def _spread(self, seen: SeenOrder) -> None:
        order_id, version = seen.message.key, seen.message.version
        if followed := self._by_order.get(order_id):
            followed.versions[order_id] = version
            for stream in followed.streams:
                stream.offer(seen.message)
                if seen.is_over:
                    stream.finish(End.FINAL)
        if followed := self._by_user.get(seen.user_id):
            followed.versions[order_id] = version
            if len(followed.versions) > 2 * NEWEST_OF_A_USER:
                del followed.versions[min(followed.versions)]
            for stream in followed.streams:
                stream.offer(seen.message)

    def _known(self, order_id: str, user_id: str) -> int | None:
        """The version that all who follow the order have; None if nobody follows it."""
        following = self._by_order.get(order_id), self._by_user.get(user_id)
        return min(
            (one.versions.get(order_id, NOT_KNOWN) for one in following if one), default=None
        )

    def _all_known(self) -> dict[str, int]:
        known: dict[str, int] = {}
        for followed in self._by_user.values():
            known |= followed.versions
        for order_id, followed in self._by_order.items():
            version = followed.versions.get(order_id, NOT_KNOWN)
            known[order_id] = min(version, known.get(order_id, version))
        return known


def order_message(view: OrderView, version: int) -> Message:
    return Message(view.order_id, version, EVENT, view.model_dump_json())


def _seen(one: VersionedDossier) -> SeenOrder:
    view = order_view(one.dossier)
    on_its_way = any(refund.status in _MONEY_ON_ITS_WAY for refund in view.refunds)
    is_over = view.status in FINAL and not on_its_way
    return SeenOrder(view.user_id, order_message(view, one.version), is_over)


def _leave(followed_by: dict[str, _Followed], key: str, stream: Stream) -> None:
    followed = followed_by.get(key)
    if followed:
        followed.streams.discard(stream)
        if not followed.streams:
            del followed_by[key]


def _answer(answer: asyncio.Future[SeenOrder | None], seen: SeenOrder | None) -> None:
    if not answer.done():
        answer.set_result(seen)


def _complain(error: Exception) -> None:
    if isinstance(error, Outage):
        log.warning("views_not_read", error=repr(error)[:200])
    else:
        log.error("views_not_read", exc_info=error)
