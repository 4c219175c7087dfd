"""What a connection may cost: bytes of head, time for head and body, and how many there are.

uvicorn gives whoever connects all the time and memory there is. A few clients that send half a
request, or a head without an end, would then stop the sale for everybody else.
"""

import asyncio
import math
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.joined_writes import JoinedWrites
from api.problems import KINDS, MEDIA_TYPE, problem_bytes
from domain.errors import ErrorCode, Refusal

log = structlog.get_logger()

# A head is counted in pieces: it may end anywhere in what the kernel hands over at once.
PIECE_BYTES = 16 * 1024
LOG_EVERY_SECONDS = 10.0
LINGER_SECONDS = 1.0


@dataclass(frozen=True)
class Limits:
    """`head_bytes`: request line and headers together. `head_seconds` runs from the first moment
    of a connection or from a request's first byte, `body_seconds` from the end of the head, and
    `answer_seconds` while a client does not take its answer."""

    connections: int
    head_bytes: int = 64 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0


def limited_protocol(limits: Limits) -> type["LimitedProtocol"]:
    """uvicorn makes its protocols itself, and so is handed a class that knows the limits."""
    return type("Limited", (LimitedProtocol,), {"limits": limits, "without_request": {}})


class Reading(Enum):
    """What comes next from the client."""

    HEAD = auto()
    BODY = auto()
    NEXT = auto()


class LimitedProtocol(HttpToolsProtocol):
    limits: ClassVar[Limits]
    # Connections that work on no request, longest first: the ones to give up when all are taken.
    without_request: ClassVar[dict["LimitedProtocol", None]]
    _told_at: ClassVar[float] = -math.inf

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = Reading.HEAD
        self._head_bytes = 0
        self._due = self._answer_due = math.inf
        self._watch: asyncio.TimerHandle | None = None
        self._refused = self._closing_was_seen = False

    def connection_made(self, transport: Any) -> None:
        joined: Any = JoinedWrites(transport, self.loop)
        super().connection_made(joined)
        if len(self.connections) > self.limits.connections and not self._take_a_place():
            self._refuse(503, Refusal(ErrorCode.OVERLOADED, "too many connections at once"))
            return
        self.without_request[self] = None
        self._expect_head()
        self._look_later(self.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self.without_request.pop(self, None)
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            if self._refused or self.transport.is_closing():
                return
            # Not only a first line begins a head: empty lines before it hold the connection too.
            if self._reading is Reading.NEXT:
                self._expect_head()
            piece = data[start : start + PIECE_BYTES] if len(data) > PIECE_BYTES else data
            super().data_received(piece)
            if self._reading is Reading.HEAD:
                self._head_bytes += len(piece)
                if self._head_bytes > self.limits.head_bytes and not self._refused:
                    detail = f"a head has at most {self.limits.head_bytes} bytes"
                    self._refuse(431, Refusal(ErrorCode.INVALID, detail))

    def handle_websocket_upgrade(self) -> None:
        # Another protocol has the connection from here on, and this one hears no more of it.
        if self._watch is not None:
            self._watch.cancel()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, Refusal(ErrorCode.INVALID, msg))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._reading is not Reading.HEAD:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._reading = Reading.BODY
        self._due = self.loop.time() + self.limits.body_seconds
        self.without_request.pop(self, None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._reading = Reading.NEXT
        self._due = math.inf

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_answering() and not self.transport.is_closing():
            self.without_request[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._answer_due = self.loop.time() + self.limits.answer_seconds

    def resume_writing(self) -> None:
        super().resume_writing()
        self._answer_due = math.inf

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._reading = Reading.HEAD
        self._head_bytes = 0
        self._due = self.loop.time() + self.limits.head_seconds

    def _look_later(self, seconds: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        # Never later than the shortest wait there is: so one timer serves all of them, and a
        # request costs none.
        self._watch = self.loop.call_later(min(seconds, self.limits.head_seconds), self._look)

    def _look(self) -> None:
        now = self.loop.time()
        if self.transport.is_closing():
            # A client that takes nothing would keep even a closed connection.
            if self._closing_was_seen:
                self.transport.abort()
            self._closing_was_seen = True
            self._look_later(self.limits.head_seconds)
        elif self._refused or self._answer_due <= now:
            self.transport.abort()
        elif self._due > now:
            self._look_later(min(self._due, self._answer_due) - now)
        elif self._reading is Reading.HEAD and self._is_answering():
            # The start of a next request came early; the one before is still worked on.
            self._due = now + self.limits.head_seconds
            self._look_later(self.limits.head_seconds)
        else:
            self._give_up()

    def _give_up(self) -> None:
        """The request did not come in time. Nothing is answered where nothing was begun, and
        where an answer was."""
        if self._reading is Reading.HEAD:
            silent = self._head_bytes == 0
        else:
            silent = self.cycle.response_started
        if silent:
            self.transport.abort()
        else:
            self._refuse(408, Refusal(ErrorCode.INVALID, "the request did not come in time"))

    def _take_a_place(self) -> bool:
        """Whether another connection, without a request for longest, could make room."""
        if time.monotonic() - LimitedProtocol._told_at > LOG_EVERY_SECONDS:
            LimitedProtocol._told_at = time.monotonic()
            log.warning("connections_full", connections=self.limits.connections)
        oldest = next(iter(self.without_request), None)
        if oldest is None:
            return False
        self.without_request.pop(oldest)
        oldest.transport.abort()
        return True

    def _refuse(self, status: int, refusal: Refusal) -> None:
        """Answer outside any request, and close in a moment."""
        self.without_request.pop(self, None)
        at_work = self._is_answering()
        if self.pipeline or (at_work and self._reading is not Reading.BODY):
            # The client would take it for the answer to a request before this one.
            self.transport.abort()
            return
        body = problem_bytes(refusal, status)
        headers = {
            **dict(self.server_state.default_headers),
            b"content-type": MEDIA_TYPE.encode(),
            b"content-length": str(len(body)).encode(),
            b"cache-control": b"no-store",
            b"connection": b"close",
        }
        for name, value in KINDS[refusal.code].headers.items():
            headers[name.lower().encode()] = value.encode()
        lines = [b"%b: %b\r\n" % line for line in headers.items()]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        self._refused = True
        if at_work:
            self.transport.close()
        else:
            # Closed while the client still sends, the answer would be lost with what it sent.
            self.transport.write_eof()
        self._look_later(LINGER_SECONDS)


class LimitedWebSocket(WebSocketsSansIOProtocol):
    """Whoever takes nothing is cut off, as with any other answer: left to itself, the server would
    wait for ever to be rid of what it has to say."""

    answer_seconds: ClassVar[float] = Limits.answer_seconds
    _cutting: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cutting = self.loop.call_later(self.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_cutting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_cutting()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    async def send(self, message: Any) -> None:
        await super().send(message)
        # A refusal ends the handshake too: the server would log it as a failure of ours.
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True

    def _stop_cutting(self) -> None:
        if self._cutting is not None:
            self._cutting.cancel()
