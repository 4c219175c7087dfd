"""A transport that hands on in one piece what is written in one turn of the loop.

uvicorn writes the head of an answer and its body one after the other, and uvloop sends each at
once: a second system call cost more than all that a refusal takes to be decided.
"""

import asyncio
from typing import Any

# More than any answer at the gate. What is long goes on at once, so that whoever writes faster
# than the client reads is told to pause as ever.
MOST_BYTES = 16 * 1024


class JoinedWrites:
    """Everything but writing is the transport's own."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0
        self._is_called = False
        # Asked for each request.
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > MOST_BYTES:
            self._send()
        elif not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._turn_is_over)

    def write_eof(self) -> None:
        self._send()
        self._transport.write_eof()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """What waits is never sent."""
        self._parts.clear()
        self._size = 0
        self._transport.abort()

    def _turn_is_over(self) -> None:
        self._is_called = False
        self._send()

    def _send(self) -> None:
        if self._parts:
            joined = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            self._transport.write(joined)
