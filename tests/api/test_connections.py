"""What a connection may cost, over real sockets."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.connections import LimitedWebSocket, Limits, limited_protocol
from tests.support.http_server import bound_socket, serving

# Whole waits in these tests: short ones for what must be cut off, long ones for what must not.
SOON = 0.5
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
WHOLE = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        # Whoever was cut off hears it here or at the next read.
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def rest(self, seconds: float = 10.0) -> bytes:
        """All that comes until the server closes. Raises TimeoutError when it does not."""
        said = b""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionError):
                while piece := await self.reader.read(65536):
                    said += piece
        return said

    async def answer(self) -> bytes:
        """One answer with its length declared; its status line."""
        async with asyncio.timeout(60):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await self.reader.readexactly(length)
        return head.partition(b"\r\n")[0]


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def slow(_request: Request) -> Response:
    await asyncio.sleep(3 * SOON)
    return PlainTextResponse("at last")


async def big(_request: Request) -> Response:
    return PlainTextResponse("x" * 50_000_000)


@asynccontextmanager
async def door(**limits: float) -> AsyncIterator[Callable[[], Awaitable[Client]]]:
    """A server with these limits; calling what it yields makes a new connection to it."""
    asked = Limits(**{"connections": 100, **limits})  # type: ignore[arg-type]
    app = Starlette(
        routes=[
            Route("/hello", hello),
            Route("/echo", echo, methods=["POST"]),
            Route("/slow", slow),
            Route("/big", big),
        ]
    )
    clients: list[Client] = []
    listener = bound_socket()

    async def connect() -> Client:
        client = Client(*await asyncio.open_connection(*listener.getsockname()))
        clients.append(client)
        return client

    async with serving(app, listener, protocol=limited_protocol(asked)):
        yield connect
        for client in clients:
            client.writer.close()


@pytest.mark.parametrize("size", [100_000, 1_000_000])
async def test_a_header_without_an_end_is_cut_off(size: int) -> None:
    async with door() as connect:
        client = await connect()
        await client.send(HEAD + b"X-Big: ")
        for _ in range(size // 10_000):
            await client.send(b"a" * 10_000)

        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
        other = await connect()
        await other.send(WHOLE)
        assert await other.answer() == b"HTTP/1.1 200 OK"


async def test_a_head_of_many_lines_is_refused_in_words() -> None:
    async with door() as connect:
        client = await connect()
        await client.send(HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(7_000)))

        said = await client.rest()

    assert said.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in said
    assert b"connection: close" in said


async def test_a_whole_head_that_is_too_big_is_refused_too() -> None:
    async with door() as connect:
        client = await connect()
        await client.send(HEAD + b"X-Big: " + b"a" * 200_000 + b"\r\n\r\n")

        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")


async def test_a_large_head_below_the_limit_is_read() -> None:
    async with door() as connect:
        client = await connect()
        await client.send(WHOLE[:-2] + b"X-Big: " + b"a" * 60_000 + b"\r\n\r\n")

        assert await client.answer() == b"HTTP/1.1 200 OK"


async def test_bodies_and_requests_one_after_another_do_not_count_as_head() -> None:
    body = b"x" * 60_000
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with door() as connect:
        client = await connect()
        await client.send(request * 5)

        assert [await client.answer() for _ in range(5)] == [b"HTTP/1.1 200 OK"] * 5


@pytest.mark.parametrize(
    "start", [b"", b"GET /hel", HEAD, b"\r\n\r\n"], ids=["nothing", "line", "headers", "blank"]
)
async def test_a_head_that_does_not_come_in_time_is_given_up(start: bytes) -> None:
    async with door(head_seconds=SOON) as connect:
        client = await connect()
        await client.send(start)
        began = time.monotonic()

        said = await client.rest()

        assert time.monotonic() - began >= SOON * 0.9
        assert said[:12] == (b"HTTP/1.1 408" if start else b"")


async def test_a_head_that_comes_byte_by_byte_is_given_up() -> None:
    async with door(head_seconds=SOON) as connect:
        client = await connect()
        cut_off = asyncio.create_task(client.rest())
        await client.send(HEAD + b"X-Slow: ")
        while not cut_off.done():
            await client.send(b"a")
            await asyncio.sleep(SOON / 5)

        assert cut_off.result().startswith(b"HTTP/1.1 408 ")


async def test_a_second_head_has_as_much_time_and_no_more() -> None:
    async with door(head_seconds=SOON) as connect:
        client = await connect()
        await client.send(WHOLE)
        assert await client.answer() == b"HTTP/1.1 200 OK"

        await client.send(b"\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_does_not_come_in_time_is_given_up() -> None:
    async with door(head_seconds=SOON, body_seconds=SOON) as connect:
        client = await connect()
        await client.send(HEAD + b"Content-Length: 100\r\n\r\nhalf")

        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_slow_body_within_its_time_is_read() -> None:
    async with door(head_seconds=SOON, body_seconds=20) as connect:
        client = await connect()
        await client.send(HEAD + b"Content-Length: 8\r\n\r\n")
        for _ in range(8):
            await client.send(b"x")
            await asyncio.sleep(SOON / 4)

        assert await client.answer() == b"HTTP/1.1 200 OK"


async def test_a_slow_answer_is_waited_for() -> None:
    async with door(head_seconds=SOON, body_seconds=SOON, answer_seconds=SOON) as connect:
        client = await connect()
        # Half of the next request is no reason to drop the one that is worked on.
        await client.send(SLOW + b"GET /hel")

        assert await client.answer() == b"HTTP/1.1 200 OK"
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_refusal_is_never_taken_for_the_answer_to_an_earlier_request() -> None:
    async with door() as connect:
        client = await connect()
        await client.send(SLOW + HEAD + b"X-Big: " + b"a" * 200_000)

        assert b"431" not in await client.rest()


async def test_who_does_not_take_the_answer_is_given_up() -> None:
    async with door(answer_seconds=SOON, head_seconds=SOON) as connect:
        client = await connect()
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(4 * SOON)

        client.reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await client.rest()) < 50_000_000


async def test_what_is_no_http_is_refused_as_a_problem() -> None:
    async with door() as connect:
        client = await connect()
        await client.send(b"\x16\x03\x01 hello\r\n\r\n")

        said = await client.rest()

    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in said


async def test_half_requests_do_not_keep_others_out() -> None:
    """The oldest of those without a request make room."""
    async with door(connections=20) as connect:
        for _ in range(100):
            await (await connect()).send(HEAD)

        honest = await connect()
        await honest.send(WHOLE)
        assert await honest.answer() == b"HTTP/1.1 200 OK"


async def test_when_all_are_at_work_the_next_one_hears_to_come_back() -> None:
    async with door(connections=3) as connect:
        busy = [await connect() for _ in range(3)]
        for client in busy:
            await client.send(SLOW)
        await asyncio.sleep(SOON)

        said = await (await connect()).rest()

        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in said
        assert b'"OVERLOADED"' in said
        assert [await client.answer() for client in busy] == [b"HTTP/1.1 200 OK"] * 3
        last = await connect()
        await last.send(WHOLE)
        assert await last.answer() == b"HTTP/1.1 200 OK"


async def test_a_websocket_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedWebSocket, "answer_seconds", 0.1)
    cut = asyncio.Event()

    async def flood(websocket: WebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text("x" * 1_000_000)
        cut.set()

    app = Starlette(routes=[WebSocketRoute("/flood", flood)])
    limits = Limits(connections=9)
    async with serving(app, protocol=limited_protocol(limits)) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port, limit=1)
        writer.write(
            b"GET /flood HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        async with asyncio.timeout(20):
            await cut.wait()
        writer.close()
