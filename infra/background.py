"""How work that goes on in the background is ended."""

import asyncio
from typing import Any


async def ended(task: asyncio.Task[Any]) -> None:
    """Once it is over, however often it has to be cancelled: redis-py may lose a cancellation that
    meets the answer to a command, and the loop around it then goes on for ever."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
