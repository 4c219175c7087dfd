"""The crowd's client, against a server that speaks raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from practice.rush.http import Answer, HttpClient, Unreachable

Reply = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}'


@asynccontextmanager
async def server(reply: Reply) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Its address, and the heads of the requests it heard."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                await reader.readexactly(_length(head))
                await reply(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", heads
    finally:
        listening.close()


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(one[16:]) for one in lines if one.startswith(b"content-length: ")), 0)


async def _well(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def _hangs_up(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK[:30])
    writer.close()


async def _says_nothing(head: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _no_http(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"*** welcome ***\r\n\r\n")


def client(url: str, *, connections: int = 4, timeout_seconds: float = 5.0) -> HttpClient:
    return HttpClient(url, connections=connections, timeout_seconds=timeout_seconds)


async def test_an_answer_is_read_whole_and_its_connection_used_again() -> None:
    ports: set[int] = set()

    async def remember(head: bytes, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        # In pieces, as networks do.
        writer.write(OK[:50])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(OK[50:])

    async with server(remember) as (url, heads), client(url) as http:
        for _ in range(3):
            answer = await http.request("POST", "/x", token="t", body={"quantity": 1})
            assert answer.document() == {"ok": True}
    assert len(ports) == 1
    assert b"Authorization: Bearer t\r\n" in heads[0]
    assert b"Content-Length: 15\r\n" in heads[0]


async def test_a_body_of_bytes_goes_as_it_is() -> None:
    async with server(_well) as (url, heads), client(url) as http:
        await http.request("POST", "/x", body=b"a=1", headers={"Content-Type": "text/plain"})
    assert b"Content-Type: text/plain\r\n" in heads[0]
    assert b"json" not in heads[0]
    assert b"Content-Length: 3\r\n" in heads[0]


async def test_no_more_connections_are_opened_than_allowed() -> None:
    ports: set[int] = set()

    async def remember(head: bytes, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        await asyncio.sleep(0)
        writer.write(OK)

    async with server(remember) as (url, heads), client(url, connections=3) as http:
        await asyncio.gather(*(http.request("GET", "/") for _ in range(20)))
    assert len(heads) == 20
    assert len(ports) <= 3


@pytest.mark.parametrize("reply", [_hangs_up, _says_nothing, _no_http])
async def test_anything_but_a_whole_answer_is_unreachable(reply: Reply) -> None:
    async with server(reply) as (url, _), client(url, timeout_seconds=0.3) as http:
        with pytest.raises(Unreachable):
            await http.request("GET", "/")


async def test_a_closed_port_is_unreachable() -> None:
    async with server(_well) as (url, _):
        pass
    async with client(url) as http:
        with pytest.raises(Unreachable):
            await http.request("GET", "/")


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"retry-after": "3"}, 3.0), ({"retry-after": "soon"}, 0.0), ({}, 0.0)]
)
def test_an_answer_may_ask_for_a_pause(headers: dict[str, str], seconds: float) -> None:
    assert Answer(503, headers, b"").retry_after == seconds


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null"])
def test_what_is_no_json_object_is_an_empty_one(body: bytes) -> None:
    assert Answer(200, {}, body).document() == {}


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://x", "http://"])
def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an HTTP address"):
        client(url)
