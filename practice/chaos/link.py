"""The way from our processes to a server, through a port of its own, so that it can be cut, muted
and slowed while both ends live."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Self

from practice.stack.ports import LOOPBACK

CHUNK_BYTES = 64 * 1024


class Link:
    """Passes bytes on between whoever connects to `port` and the `target` port of this machine."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._passing: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self._delay = 0.0
        self._heard = asyncio.Event()
        self._heard.set()

    @classmethod
    @asynccontextmanager
    async def to(cls, target: int) -> AsyncIterator[Self]:
        link = cls(target)
        server = await asyncio.start_server(link._serve, LOOPBACK, 0)
        link.port = server.sockets[0].getsockname()[1]
        try:
            yield link
        finally:
            server.close()
            link.drop()
            for task in link._passing:
                task.cancel()
            await asyncio.gather(*link._passing, return_exceptions=True)

    @property
    def connections(self) -> int:
        return len(self._passing)

    def drop(self) -> None:
        """Every connection breaks, both ends hear of it, and new ones may be made."""
        for writer in self._writers:
            # No farewell: what was under way is lost, as with a cable.
            writer.transport.abort()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Every connection breaks, and new ones are refused."""
        self._is_cut = True
        self.drop()
        try:
            yield
        finally:
            self._is_cut = False

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Connections stand and can be made, and not a byte comes through until the end."""
        self._heard.clear()
        try:
            yield
        finally:
            self._heard.set()

    @contextmanager
    def slowed(self, seconds: float) -> Iterator[None]:
        """Every piece of at most CHUNK_BYTES takes so long, one after another."""
        self._delay = seconds
        try:
            yield
        finally:
            self._delay = 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if self._is_cut or task is None:
            writer.transport.abort()
            return
        self._passing.add(task)
        try:
            # The server is away, or the link ends: the caller is told by the end of his own.
            with suppress(OSError, asyncio.CancelledError):
                await self._connect(reader, writer)
        finally:
            self._passing.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._known(writer):
            answers, asked = await asyncio.open_connection(LOOPBACK, self._target)
            with self._known(asked):
                await asyncio.gather(self._pass(reader, asked), self._pass(answers, writer))

    @contextmanager
    def _known(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._heard.wait()
            writer.write(chunk)
            await writer.drain()
        # One direction may end before the other; then only this one does. Of a closed transport
        # uvloop says that it could still write the end, and then that it cannot.
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()
