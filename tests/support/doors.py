"""Doors of this machine with an application behind each, served as in production."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def serving(app: ASGIApp, door: socket.socket) -> AsyncIterator[str]:
    """The app behind the given socket, for real."""
    # Longer than clients keep a connection: one that is closed just when it is used fails a call.
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_keep_alive=60, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    # Pytest keeps the signals of this process.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    running = asyncio.create_task(server.serve(sockets=[door]))
    while not (server.started or running.done()):
        await asyncio.sleep(0.01)
    try:
        yield url_of(door)
    finally:
        server.should_exit = True
        await running


def bound_door() -> socket.socket:
    """A port nobody else can take between its being chosen and its being served."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    return door


def url_of(door: socket.socket) -> str:
    return f"http://127.0.0.1:{door.getsockname()[1]}"
