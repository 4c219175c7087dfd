"""The machine on which figures were taken, and how busy it was with other things."""

import asyncio
import os
import platform
from datetime import UTC, datetime

import psutil

from domain.model import Value

LOOK_SECONDS = 2.0


class Machine(Value):
    """`busy_before`, `busy_after`: the part of all processors, 0 to 1, that others had for two
    seconds before the bench's own stack was started and after it was stopped."""

    began_at: datetime
    processors: int
    python: str
    busy_before: float
    busy_after: float = 0.0

    @classmethod
    async def look(cls) -> "Machine":
        return cls(
            began_at=datetime.now(UTC),
            processors=os.cpu_count() or 1,
            python=platform.python_version(),
            busy_before=await _busy_share(),
        )

    async def looked_at_again(self) -> "Machine":
        return self.model_copy(update={"busy_after": await _busy_share()})


async def _busy_share() -> float:
    # The first call only remembers where the counters stand.
    psutil.cpu_percent(None)
    await asyncio.sleep(LOOK_SECONDS)
    return float(psutil.cpu_percent(None)) / 100
