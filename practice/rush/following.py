"""How a crowd follows a room. Nowhere else is decided how that is done."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from domain.sale import ItemRef
from practice.rush.context import RushContext
from practice.rush.shop import read
from practice.rush.views import SeenRoom

# What everybody sees is a second old at most, so to ask much oftener tells nothing.
LOOK_SECONDS = 0.4


class Following:
    """All follow by one look at what is public, and each asks for his own place only when that
    says so."""

    def __init__(self, context: RushContext, item: ItemRef) -> None:
        self._shop = context.shop
        self._retries = context.retries
        self._item = item
        self._seen: SeenRoom | None = None
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def open_(self) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def until(self, right: Callable[[SeenRoom], bool], end: float) -> SeenRoom | None:
        """The room once it is so; None if it is not by `end` (monotonic)."""

        def seen_right() -> bool:
            return self._seen is not None and right(self._seen)

        try:
            async with asyncio.timeout(max(0.0, end - time.monotonic())), self._changed:
                await self._changed.wait_for(seen_right)
        except TimeoutError:
            return None
        return self._seen

    @property
    def seen(self) -> SeenRoom | None:
        """By the last look."""
        return self._seen

    async def now(self) -> SeenRoom | None:
        """The room by a look of its own."""
        answer = await self._retries.ask(lambda: self._shop.room(self._item))
        return read(SeenRoom, answer)

    async def _look(self) -> None:
        while True:
            seen = await self.now()
            async with self._changed:
                self._seen = seen or self._seen
                self._changed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)
