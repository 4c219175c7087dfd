"""A stream as server-sent events.

One task sends and one listens for the client's leaving. FastAPI's own event streams have a
generator, a queue and a timer more, know no end of the process, and answer HEAD for ever.
"""

import asyncio
import random
from collections.abc import Iterable

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.edge import HEAD_ONLY
from api.metrics import Metrics
from api.streams.stream import End, Message, Stream

MEDIA_TYPE = "text/event-stream"
USUAL_RETRY_MS = 2_000
# Whose process ends come to another one, and not all in one moment.
SPREAD_RETRY_MS = (500, 5_000)
# nginx would gather what belongs to the client at once.
HEADERS = ((b"content-type", MEDIA_TYPE.encode()), (b"x-accel-buffering", b"no"))
_SAYS_NO_MORE = frozenset({End.GONE, End.TOO_SLOW})


class EventStream(Response):
    """`named`: each event has its kind as EventSource's name, and no id, for it tells of many
    things. Else its id is the version of the one thing, as a client that comes again names it."""

    media_type = MEDIA_TYPE

    def __init__(self, stream: Stream, metrics: Metrics, *, named: bool = False) -> None:
        super().__init__()
        self._stream = stream
        self._metrics = metrics
        self._named = named

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
            if HEAD_ONLY not in scope:
                await _send(send, format_sse_event(retry=USUAL_RETRY_MS))
                async for batch in self._stream.batches():
                    await _send(send, self._bytes(batch) or KEEPALIVE_COMMENT)
                    self._metrics.stream_messages(len(batch))
            # Only an end that is written tells a client that is there that this was all.
            if self._stream.end not in _SAYS_NO_MORE:
                await _send(send, self._farewell(), more=False)
        finally:
            leaving.cancel()
            self._stream.close()

    def _bytes(self, batch: Iterable[Message]) -> bytes:
        return b"".join(
            format_sse_event(data_str=message.data, event=message.event)
            if self._named
            else format_sse_event(data_str=message.data, id=str(message.version))
            for message in batch
        )

    def _farewell(self) -> bytes:
        if self._stream.end not in {End.CLOSING, End.TOO_LONG}:
            return b""
        # Not a matter of security.
        return format_sse_event(retry=random.randint(*SPREAD_RETRY_MS))  # noqa: S311

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.finish(End.GONE)


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
