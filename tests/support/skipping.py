"""Waiting by a clock that skips."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from infra.temporal.client import NEEDS_ATTENTION

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


async def left_to_a_person(clock: WorkflowEnvironment, handle: WorkflowHandle[Any, Any]) -> bool:
    """Returns once the workflow waits for somebody's decision, True, or has ended. What the
    stores say is no sign of it: the workflow hears only after them that a step has failed."""

    async def waits_or_ended() -> bool:
        running = (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        return not running or await needs_attention(handle) is True

    await skip_until(clock, waits_or_ended, timedelta(seconds=2))
    return await needs_attention(handle) is True


async def needs_attention(handle: WorkflowHandle[Any, Any]) -> bool | None:
    return (await handle.describe()).typed_search_attributes.get(NEEDS_ATTENTION)
