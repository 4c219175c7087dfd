"""Work that is done again and again, while somebody wants it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


class Turns:
    """`turn` is taken every `seconds` while `is_wanted`; what it raises is told once, and the next
    turn comes all the same. `trouble`: the name of that in the log."""

    def __init__(
        self,
        turn: Callable[[], Awaitable[None]],
        is_wanted: Callable[[], bool],
        *,
        seconds: float,
        trouble: str,
    ) -> None:
        self._turn = turn
        self._is_wanted = is_wanted
        self._seconds = seconds
        self._trouble = trouble
        self._wake = asyncio.Event()

    def begin(self) -> None:
        """Somebody may want it now."""
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        is_in_trouble = False
        while True:
            await self._wake.wait()
            if not self._is_wanted():
                self._wake.clear()
                continue
            try:
                await self._turn()
                is_in_trouble = False
            except Exception as error:
                if not is_in_trouble:
                    log.warning(self._trouble, error=repr(error)[:200])
                is_in_trouble = True
            await asyncio.sleep(self._seconds)
