"""One thing read for very many at once: one read at a time, its answer good for a moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

import structlog

log = structlog.get_logger()

FRESH_SECONDS = 1.0

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")


class _Seen(NamedTuple, Generic[T]):
    value: T
    at: float


class SingleFlight(Generic[Key, T]):
    """Answers at most `FRESH_SECONDS` old, by key; of each key one read is under way at a time.

    `at_most` keys are remembered. `remembers_absence`: whether None is an answer to keep.
    `outages`: errors during which the last answer stays good, however old it is.
    """

    def __init__(
        self,
        at_most: int,
        *,
        remembers_absence: bool = False,
        outages: tuple[type[Exception], ...] = (),
    ) -> None:
        self._at_most = at_most
        self._remembers_absence = remembers_absence
        self._outages = outages
        self._seen: dict[Key, _Seen[T]] = {}
        self._flights: dict[Key, asyncio.Task[T]] = {}

    async def get(self, key: Key, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` answers, or answered a moment ago. Raises what it raises."""
        seen = self._seen.get(key)
        if seen and time.monotonic() - seen.at < FRESH_SECONDS:
            return seen.value
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._read(key, read))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        try:
            # Shielded: many wait for this one read, and one of them leaving must not end it.
            return await asyncio.shield(flight)
        except self._outages as error:
            # That there was nothing a while ago is no answer.
            if seen is None or seen.value is None:
                raise
            log.warning("showing_last_known", error=repr(error)[:200])
            return seen.value

    def forget(self, key: Key | None = None) -> None:
        """After a change: what was read before it, or is just being read, is shown to nobody who
        asks from now on. All keys if none is given."""
        if key is None:
            self._seen.clear()
            self._flights.clear()
            return
        self._seen.pop(key, None)
        self._flights.pop(key, None)

    async def _read(self, key: Key, read: Callable[[], Awaitable[T]]) -> T:
        value = await read()
        # Forgotten meanwhile: it may have been read before the change.
        is_valid = self._flights.get(key) is asyncio.current_task()
        if is_valid and (value is not None or self._remembers_absence):
            # Keys come from callers: a scan of invented ones must neither fill the memory nor drive
            # out what is asked for all the time, which is read, and so put last, each second.
            self._seen.pop(key, None)
            if len(self._seen) >= self._at_most:
                del self._seen[next(iter(self._seen))]
            self._seen[key] = _Seen(value, time.monotonic())
        return value

    def _landed(self, key: Key, flight: asyncio.Task[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        # Looked at, or asyncio complains of an error that nobody was left to hear.
        if not flight.cancelled():
            flight.exception()
