"""A link over loopback to an echo: what comes through when it is cut, muted and slowed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from practice.chaos.link import Link
from practice.stack.ports import LOOPBACK
from tests.support.polling import until

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
DELAY = 0.02


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1024):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def link_to_echo() -> AsyncIterator[Link]:
    async with (
        await asyncio.start_server(echo, LOOPBACK, 0) as server,
        Link.to(server.sockets[0].getsockname()[1]) as link,
    ):
        yield link


async def connected(link: Link) -> Wire:
    return await asyncio.open_connection(LOOPBACK, link.port)


async def said(wire: Wire, word: bytes) -> bytes:
    reader, writer = wire
    writer.write(word)
    return await reader.readexactly(len(word))


async def is_broken(wire: Wire) -> bool:
    try:
        return not await wire[0].read(1)
    except ConnectionError:
        return True


async def test_bytes_come_through_both_ways_and_so_does_the_end() -> None:
    async with link_to_echo() as link:
        wire = await connected(link)

        assert await said(wire, b"hello") == b"hello"
        wire[1].write_eof()
        assert await wire[0].read() == b""
        await until(lambda: link.connections == 0)


async def test_a_cut_breaks_what_stands_and_refuses_what_comes_until_it_is_over() -> None:
    async with link_to_echo() as link:
        before = await connected(link)
        await said(before, b"1")
        with link.cut():
            during = await connected(link)

            assert await is_broken(before)
            assert await is_broken(during)
        assert await said(await connected(link), b"2") == b"2"


async def test_a_muted_link_keeps_every_byte_back_and_loses_none() -> None:
    async with link_to_echo() as link:
        wire = await connected(link)
        await said(wire, b"1")
        with link.muted():
            heard = asyncio.create_task(said(wire, b"kept"))
            # Whatever came through would have by the time that two others have passed elsewhere.
            async with link_to_echo() as other:
                await said(await connected(other), b"2")
                await said(await connected(other), b"3")
            assert not heard.done()
        assert await heard == b"kept"


async def test_a_slow_link_takes_its_time_each_way() -> None:
    async with link_to_echo() as link:
        wire = await connected(link)
        await said(wire, b"1")
        loop = asyncio.get_running_loop()
        with link.slowed(DELAY):
            asked = loop.time()
            await said(wire, b"2")
            took = loop.time() - asked

    assert took >= 2 * DELAY


@pytest.mark.parametrize("while_muted", [False, True])
async def test_a_server_that_is_away_breaks_the_connection(while_muted: bool) -> None:
    async with await asyncio.start_server(echo, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
    async with Link.to(port) as link:
        if while_muted:
            with link.muted():
                assert await is_broken(await connected(link))
        else:
            assert await is_broken(await connected(link))


async def test_the_end_of_a_link_ends_all_that_goes_through_it() -> None:
    async with link_to_echo() as link:
        wire = await connected(link)
        await said(wire, b"1")

    assert await is_broken(wire)
