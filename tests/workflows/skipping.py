"""Waiting by a clock that skips."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

STEPS_AT_MOST = 1000


async def skip_until(
    clock: WorkflowEnvironment,
    reached: Callable[[], Awaitable[bool]],
    step: timedelta = timedelta(seconds=5),
) -> None:
    """Let the clock run on in steps until something is seen to be so. One jump that is thought
    long enough would depend on how far the worker has come when it is made."""
    for _ in range(STEPS_AT_MOST):
        if await reached():
            return
        await clock.sleep(step)
    raise AssertionError(f"still not so after {STEPS_AT_MOST * step}")
