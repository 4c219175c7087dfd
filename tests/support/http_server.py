"""Applications behind real sockets of this machine, in this process, served as in production."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from api.connections import LimitedWebSocket
from api.serve import StreamingServer


class _Server(StreamingServer):
    """Pytest keeps the signals of this process; and whoever stops it is not kept waiting for the
    next of its looks, which are ten a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stopping.wait()


@asynccontextmanager
async def serving(
    app: ASGIApp,
    listener: socket.socket | None = None,
    *,
    protocol: type[asyncio.Protocol] | None = None,
) -> AsyncIterator[str]:
    """The address at which the app answers: behind `listener`, or on a free port. `protocol`
    speaks HTTP in the place of uvicorn's own."""
    listener = listener or bound_socket()
    # Longer than clients keep a connection: one that is closed just when it is used fails a call.
    config = uvicorn.Config(
        app,
        http=protocol or "auto",
        ws=LimitedWebSocket,
        log_config=None,
        access_log=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not (server.started or running.done()):
        await asyncio.sleep(0.01)
    try:
        yield url_of(listener)
    finally:
        server.stopping.set()
        await running


def bound_socket() -> socket.socket:
    """A port nobody else can take between its being chosen and its being served."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
