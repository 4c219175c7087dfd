"""A small HTTP/1.1 client for crowds.

The crowd shares its machine with what it measures, and a general client spends more time on a
request than the server it asks. This one keeps a bounded number of connections and does no more
than JSON in and out.
"""

import asyncio
import json
import ssl
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httptools

# Servers drop idle connections; one that is nearly that old is not worth the risk of a lost POST.
MAX_IDLE_SECONDS = 2.0


class Unreachable(Exception):
    """No answer: refused, reset, or too slow. The request may or may not have been heard."""


class Answer:
    """`seconds` runs from the wish to ask, so waiting for a free connection counts."""

    __slots__ = ("body", "headers", "seconds", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.seconds = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float:
        """Seconds the server asks for; 0 if it names none."""
        seconds = self.headers.get("retry-after", "")
        return float(seconds) if seconds.isdigit() else 0.0

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is something else."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc or 'closed by the server'}")
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")
            self.close()

    def on_message_begin(self) -> None:
        self._headers, self._body = {}, bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._headers, bytes(self._body))
        if not self._parser.should_keep_alive():
            self.close()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)

    async def ask(self, request: bytes) -> Answer:
        if self._transport is None:
            raise Unreachable("connection lost")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    @property
    def usable(self) -> bool:
        fresh = time.monotonic() - self.idle_since < MAX_IDLE_SECONDS
        return fresh and self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _fail(self, why: str) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(Unreachable(why))


class HttpClient:
    """Requests to one host over at most `connections` connections. Raises ValueError for a `url`
    that is no HTTP address."""

    def __init__(self, url: str, *, connections: int, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an HTTP address: {url}")
        secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or (443 if secure else 80)
        self._tls = ssl.create_default_context() if secure else None
        self._free = asyncio.Semaphore(connections)
        self._idle: deque[Connection] = deque()
        self._timeout = timeout_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        while self._idle:
            self._idle.pop().close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """`body`: bytes go as they are, under the type that `headers` say; anything else as JSON.

        Raises Unreachable when no whole answer came in time.
        """
        wished = time.perf_counter()
        request = self._encode(method, path, token, body, headers or {})
        async with self._free:
            try:
                async with asyncio.timeout(timeout_seconds or self._timeout):
                    answer = await self._exchange(request)
            except TimeoutError as error:
                raise Unreachable("too slow") from error
            except OSError as error:
                raise Unreachable(f"no connection: {error}") from error
        answer.seconds = time.perf_counter() - wished
        return answer

    async def _exchange(self, request: bytes) -> Answer:
        connection = self._take_idle()
        if connection is None:
            _, connection = await asyncio.get_running_loop().create_connection(
                Connection, self._host, self._port, ssl=self._tls
            )
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        connection.idle_since = time.monotonic()
        if connection.usable:
            self._idle.append(connection)
        return answer

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    def _encode(
        self, method: str, path: str, token: str, body: object, headers: Mapping[str, str]
    ) -> bytes:
        is_json = body is not None and not isinstance(body, bytes)
        content = json.dumps(body).encode() if is_json else b""
        if isinstance(body, bytes):
            content = body
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if is_json:
            lines.append("Content-Type: application/json")
        if method != "GET":
            lines.append(f"Content-Length: {len(content)}")
        lines.extend(f"{name}: {value}" for name, value in headers.items())
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content
