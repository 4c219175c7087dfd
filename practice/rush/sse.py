"""Server-sent events as a crowd reads them: a connection each, which is cut when it likes."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from practice.rush.http import Unreachable

# A server says that it is there four times a minute.
SILENT_SECONDS = 40.0
OPENING_SECONDS = 10.0
CHUNK_BYTES = 65_536
OK = 200


class Event(NamedTuple):
    name: str
    data: str


class _Lines:
    """What an HTTP parser calls: takes the body apart into events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_over = False
        self._rest = b""
        self._name = self._data = ""

    def on_body(self, body: bytes) -> None:
        *lines, self._rest = (self._rest + body).split(b"\n")
        for line in lines:
            self._take(line.decode().rstrip("\r"))

    def on_message_complete(self) -> None:
        self.is_over = True

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        if field == "event":
            self._name = value.strip()
        elif field == "data":
            self._data += value.strip()
        elif not line:
            if self._data:
                self.events.append(Event(self._name, self._data))
            self._name = self._data = ""


class EventSource:
    """Streams of one host. Raises ValueError for a `url` that is no HTTP address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an HTTP address: {url}")
        secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or (443 if secure else 80)
        self._tls = ssl.create_default_context() if secure else None

    async def events(self, path: str, token: str) -> AsyncIterator[Event]:
        """Until the server ends the stream. Raises Unreachable for whatever else ends it."""
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls
                )
        except (OSError, TimeoutError) as error:
            raise Unreachable(f"no connection: {error}") from error
        try:
            writer.write(self._request(path, token))
            async for event in _read(reader):
                yield event
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
            raise Unreachable(f"the stream broke: {error!r}") from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _request(self, path: str, token: str) -> bytes:
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
            f"Authorization: Bearer {token}",
            "Accept: text/event-stream",
        )
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


async def _read(reader: asyncio.StreamReader) -> AsyncIterator[Event]:
    lines = _Lines()
    parser = httptools.HttpResponseParser(lines)
    while not lines.is_over:
        async with asyncio.timeout(SILENT_SECONDS):
            chunk = await reader.read(CHUNK_BYTES)
        if not chunk:
            raise ConnectionResetError("closed by the server")
        parser.feed_data(chunk)
        # Only the first bytes say it, and a refusal is followed by no event.
        if (status := parser.get_status_code()) != OK:
            raise ConnectionRefusedError(f"HTTP {status}")
        events, lines.events = lines.events, []
        for event in events:
            yield event
