"""Waiting for what becomes true by itself, without fixed sleeps."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

# So long that only what never comes true fails, however busy the machine is.
PATIENCE_SECONDS = 60.0


async def until(
    look: Callable[[], Any],
    what: str = "what the test waits for",
    *,
    seconds: float = PATIENCE_SECONDS,
    every: float = 0.02,
) -> Any:
    """The first true thing `look` sees or, if it is asynchronous, comes to see. AssertionError
    when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        seen = await seen if inspect.isawaitable(seen) else seen
        if seen:
            return seen
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        await asyncio.sleep(every)


async def eventually(look: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Returns once `look` sees what is wanted. AssertionError with both when it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (seen := await look()) != wanted:
        assert time.monotonic() < deadline, f"{seen} is not {wanted}"
        await asyncio.sleep(0.05)
