"""A sign of life for steps that take long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio import activity

EVERY_SECONDS = 5.0


@asynccontextmanager
async def heartbeats(progress: Callable[[], Any] | None = None) -> AsyncIterator[None]:
    """Tell Temporal again and again that the activity is alive, which is also how it hears that
    it is cancelled. Whatever is awaited inside must have a timeout of its own. `progress`: what
    the next try finds in its `heartbeat_details`, from where to go on."""

    async def beat() -> None:
        while True:
            activity.heartbeat(*([progress()] if progress else []))
            await asyncio.sleep(EVERY_SECONDS)

    # Beside the work: one that hangs goes on beating, and only its own timeout finds it out.
    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        if progress:
            # Once more, for a step that fails between two beats.
            activity.heartbeat(progress())
