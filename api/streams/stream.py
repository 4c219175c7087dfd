"""One open stream: what waits to be sent to it, and when it ends. It knows nothing of HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from enum import Enum, auto
from typing import NamedTuple

HEARTBEAT_SECONDS = 15.0
# Of so many things a reader may be behind; of each only the newest word waits.
MOST_WAITING = 200
# So many things' versions are remembered, not to say twice what was said.
MOST_REMEMBERED = 1_000


class Message(NamedTuple):
    """What one thing, named by `key`, is like now. `event`: of what kind the thing is, as
    EventSource names it. `data`: JSON in one line."""

    key: str
    version: int
    event: str
    data: str


class End(Enum):
    """Why a stream ends: FINAL, nothing will change any more; EXPIRED, its token; TOO_LONG, it may
    come again at once; CLOSING, the process ends; TOO_SLOW; GONE, the client left."""

    FINAL = auto()
    EXPIRED = auto()
    TOO_LONG = auto()
    CLOSING = auto()
    TOO_SLOW = auto()
    GONE = auto()


# Nobody would read what still waits.
_AT_ONCE = frozenset({End.TOO_SLOW, End.GONE})


class Stream:
    """`seconds`: how long it may last, and `then` why it ends."""

    def __init__(
        self,
        user_id: str,
        seconds: float,
        then: End,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.user_id = user_id
        self.end: End | None = None
        self._loop = asyncio.get_running_loop()
        self._ends_at, self._then = self._loop.time() + seconds, then
        self._heartbeat_seconds = heartbeat_seconds
        self._most_waiting = most_waiting
        self._waiting: dict[str, Message] = {}
        self._given: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._at_close: list[Callable[[], None]] = []

    def understood(self, key: str, version: int) -> None:
        """The client has this version already."""
        self._given[key] = version

    def has_been_given(self, key: str) -> bool:
        return key in self._given

    def offer(self, message: Message) -> None:
        """Never waits: a client that is behind gets the newest word of each thing, and one that
        is behind of too many things is cut off."""
        if self._given.get(message.key) == message.version:
            return
        self._given[message.key] = message.version
        if len(self._given) > MOST_REMEMBERED:
            del self._given[next(iter(self._given))]
        self._waiting[message.key] = message
        if len(self._waiting) > self._most_waiting:
            self.finish(End.TOO_SLOW)
        self._wake.set()

    def finish(self, end: End) -> None:
        """After what waits has been sent. What ended first stays the reason."""
        if self.end is None or (end in _AT_ONCE and self.end not in _AT_ONCE):
            self.end = end
            self._wake.set()

    async def batches(self) -> AsyncIterator[Sequence[Message]]:
        """What to send, until the stream ends; nothing at all when a heartbeat is due."""
        while self.end not in _AT_ONCE:
            if self._waiting:
                taken = tuple(self._waiting.values())
                self._waiting.clear()
                yield taken
            elif self.end is not None:
                return
            elif await self._is_quiet():
                yield ()

    def at_close(self, callback: Callable[[], None]) -> None:
        self._at_close.append(callback)

    def close(self) -> None:
        """Gives its place back; whoever opened it calls this, whatever happened."""
        self.finish(End.GONE)
        while self._at_close:
            self._at_close.pop()()

    async def _is_quiet(self) -> bool:
        """Whether nothing happens until a heartbeat is due."""
        self._wake.clear()
        heartbeat_at = self._loop.time() + self._heartbeat_seconds
        try:
            async with asyncio.timeout_at(min(heartbeat_at, self._ends_at)):
                await self._wake.wait()
        except TimeoutError:
            if self._loop.time() < self._ends_at:
                return True
            self.finish(self._then)
        return False
