"""A sign of life for steps that take long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

EVERY_SECONDS = 5.0


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Tell Temporal again and again that the activity is alive, which is also how it hears that
    it is cancelled. Whatever is awaited inside must have a timeout of its own."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(EVERY_SECONDS)

    # Beside the work: one that hangs goes on beating, and only its own timeout finds it out.
    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
