import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.gateway_errors import TryLater
from infra.gateways.connection import ProviderConnection


@asynccontextmanager
async def dripping_server() -> AsyncIterator[str]:
    """Answers one byte at a time, for ever: no single read ever times out."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def test_a_provider_that_drips_is_given_up() -> None:
    connection = ProviderConnection("alipay", timeout_seconds=0.3)
    async with dripping_server() as url:
        with pytest.raises(TryLater, match="TimeoutError"):
            await connection.send(connection.request("GET", url), operation="query", subject="P")
    await connection.aclose()


async def test_nobody_listening_means_try_later() -> None:
    connection = ProviderConnection("alipay", timeout_seconds=2.0)
    request = connection.request("GET", "http://127.0.0.1:1/")
    with pytest.raises(TryLater, match="alipay query: ConnectError"):
        await connection.send(request, operation="query", subject="P")
    await connection.aclose()
