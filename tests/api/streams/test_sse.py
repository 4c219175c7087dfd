"""A stream as server-sent events, over real sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from api.connections import Limits, limited_protocol
from api.metrics import Metrics
from api.streams.sse import EventStream
from api.streams.stream import End, Message, Stream
from practice.stack.loopback import loopback_http
from tests.support.http_server import bound_socket, serving
from tests.support.polling import until
from tests.support.streams import EventReader, following


@asynccontextmanager
async def served(stream: Stream, *, named: bool = False) -> AsyncIterator[str]:
    async def events(_request: Request) -> EventStream:
        return EventStream(stream, Metrics(), named=named)

    # A small buffer, that a reader who does not read is found soon.
    listener = bound_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    protocol = limited_protocol(Limits(connections=10, head_seconds=0.1, answer_seconds=0.1))
    async with serving(Starlette(routes=[Route("/", events)]), listener, protocol=protocol) as url:
        yield url


def word(version: int, size: int = 1) -> Message:
    return Message("a", version, "order", f'{{"text":"{"x" * size}"}}')


@asynccontextmanager
async def read(stream: Stream, *, named: bool = False) -> AsyncIterator[EventReader]:
    async with (
        served(stream, named=named) as url,
        loopback_http(url) as http,
        following(http, "/", {}) as events,
    ):
        yield events


@pytest.mark.parametrize(("named", "said"), [(False, (None, "7")), (True, ("order", None))])
async def test_an_event_has_its_version_for_its_id_or_its_kind_for_its_name(
    named: bool, said: tuple[str | None, str | None]
) -> None:
    stream = Stream("ada", 60, End.EXPIRED)
    stream.offer(word(7))
    async with read(stream, named=named) as events:
        event = await events.next()
        assert events.answer.headers["x-accel-buffering"] == "no"
        # The client leaves, and is found to have.
        await events.answer.aclose()
        await until(lambda: stream.end is End.GONE)
    assert (event.name, event.id) == said


async def test_silence_is_broken_by_comments() -> None:
    stream = Stream("ada", 60, End.EXPIRED, heartbeat_seconds=0.05)
    async with read(stream) as events:
        rest = asyncio.create_task(events.rest())
        await until(lambda: events.comments > 0)
        stream.finish(End.TOO_LONG)
        usual, farewell = await rest
    assert usual.retry == 2_000
    assert farewell.retry


async def test_who_takes_nothing_is_cut_off_and_keeps_no_more_than_the_newest_word() -> None:
    stream = Stream("ada", 60, End.EXPIRED)
    closed = asyncio.Event()
    stream.at_close(closed.set)
    async with served(stream) as url:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", urlsplit(url).port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        version = 0
        async with asyncio.timeout(20):
            while not closed.is_set():
                version += 1
                stream.offer(word(version, 50_000))
                assert len(stream._waiting) <= 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(closed.wait(), 0.01)
        client.close()
    assert stream.end is End.GONE
