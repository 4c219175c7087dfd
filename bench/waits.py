"""How long buyers waited, when they came at their own pace."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from domain.model import Value

JobT = TypeVar("JobT")


class Waits(Value):
    """Waits in milliseconds, from the moment each was due and not from when somebody had time to
    ask. `unanswered` still waited when the measuring ended: they count with the wait they had."""

    name: str
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    unanswered: int = 0


def waits(name: str, seconds: Sequence[float], *, unanswered: int = 0) -> Waits:
    """Raises ValueError when nobody waited."""
    if not seconds:
        raise ValueError(f"nobody waited: {name}")
    ordered = sorted(seconds)
    last = len(ordered) - 1
    p50, p99, most = (1000 * ordered[int(share * last)] for share in (0.5, 0.99, 1))
    return Waits(
        name=name, count=len(ordered), p50_ms=p50, p99_ms=p99, max_ms=most, unanswered=unanswered
    )


async def offer(
    jobs: Sequence[JobT],
    per_second: float,
    work: Callable[[JobT, float], Coroutine[Any, Any, None]],
) -> None:
    """Begin one job after another at this rate, whether or not those before are done (an open
    loop: a slow server does not slow the buyers down). `work` is told when its job was due, by
    `time.perf_counter`. Returns when all are done."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, job in enumerate(jobs):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(work(job, due))
