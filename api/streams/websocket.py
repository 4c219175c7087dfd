"""A stream as a WebSocket: each message is a text of its own, with the same data as the events."""

import asyncio
from collections.abc import Mapping

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.metrics import Metrics
from api.streams.stream import End, Stream

# RFC 6455, 7.4.1, and the IANA registry: 1000 is over, 1008 is against a rule, 1012 is a restart,
# 1013 is to try again later.
_CODES: Mapping[End | None, tuple[int, str]] = {
    End.FINAL: (1000, "nothing will change any more"),
    End.EXPIRED: (1008, "the token has expired"),
    End.TOO_LONG: (1012, "come again"),
    End.CLOSING: (1012, "come again"),
    End.TOO_SLOW: (1013, "too slow"),
}


async def serve(websocket: WebSocket, stream: Stream, metrics: Metrics) -> None:
    """Until the stream ends; what the client says is not listened to."""
    await websocket.accept()
    leaving = asyncio.create_task(_until_gone(websocket, stream))
    try:
        # Heartbeats are the protocol's own pings, which the server sends.
        async for batch in stream.batches():
            for message in batch:
                await websocket.send_text(message.data)
            metrics.stream_messages(len(batch))
        if stream.end in _CODES:
            await websocket.close(*_CODES[stream.end])
    except WebSocketDisconnect:
        # It left while something was being sent.
        return
    finally:
        leaving.cancel()


async def _until_gone(websocket: WebSocket, stream: Stream) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    stream.finish(End.GONE)
