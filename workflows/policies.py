"""Timeouts and retries by kind of step, and the ways a step is run."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType

In = TypeVar("In")
Out = TypeVar("Out")
Step = Callable[[Any, In], Awaitable[Out]]

# What ends unpaid is ended, and its stock given back, by one local activity.
ENDS_IN_FEW_EVENTS = "ends-in-few-events"

# Longer than any client timeout inside an activity, so that a retry never overlaps a first try.
STEP_TIMEOUT = timedelta(seconds=10)
LOCAL_TIMEOUT = timedelta(seconds=5)
PROVIDER_TIMEOUT = timedelta(seconds=20)
BUYER_PATIENCE = timedelta(seconds=12)

# Bounded by tries and not by time: the SDK goes on retrying a local activity past its
# schedule-to-close timeout, and holds up the worker's shutdown as long as it does.
LOCAL_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=4)
# Minutes in all: a message that comes days later helps nobody.
MINUTES_OF_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=8)
NO_RETRIES = RetryPolicy(maximum_attempts=1)
FEW_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3)
# Slow, because a provider counts its error answers, and a busy one is best left alone.
SLOW_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)
ENDLESS_RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)
)


async def run_locally_first(
    step: Step[In, Out], arg: In, summary: str, *, when_delayed: Callable[[], None] = lambda: None
) -> Out:
    """Run a step of the hot path as a local activity; if that does not work out soon, call
    `when_delayed` and run it as a normal one, until it is done. Both may have an effect: steps
    are idempotent."""
    # Even a non-retryable failure is tried again as a normal activity: a worker that is shutting
    # down reports every failure as non-retryable, and not even as an ActivityError.
    with contextlib.suppress(FailureError):
        return await _run_locally(step, arg, summary, LOCAL_RETRIES)
    when_delayed()
    return await run_until_done(step, arg, summary)


async def run_until_done(
    step: Step[In, Out], arg: In, summary: str, timeout: timedelta = STEP_TIMEOUT
) -> Out:
    """Run a step until it succeeds, however long that takes: undoing, settling, closing. Each
    try may take `timeout`. Raises ActivityError only for a non-retryable failure."""
    return await workflow.execute_activity_method(
        step,
        arg,
        start_to_close_timeout=timeout,
        retry_policy=ENDLESS_RETRIES,
        # The default answers a cancel at once, while the step may still have its effect.
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )


async def run_rate_limited(step: Step[In, Out], arg: In, summary: str, queue: str) -> Out:
    """Run a provider's call that nobody waits for until it is done, on the task queue that keeps
    to the provider's limits."""
    return await workflow.execute_activity_method(
        step,
        arg,
        task_queue=queue,
        start_to_close_timeout=PROVIDER_TIMEOUT,
        retry_policy=SLOW_RETRIES,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )


async def run_for_minutes(step: Step[In, Out], arg: In, summary: str) -> Out:
    """Run a step that is worth some minutes of trying, and no more. Raises ActivityError."""
    return await workflow.execute_activity_method(
        step,
        arg,
        start_to_close_timeout=STEP_TIMEOUT,
        retry_policy=MINUTES_OF_RETRIES,
        summary=summary,
    )


async def run_while_buyer_waits(
    step: Step[In, Out], arg: In, summary: str, *, locally_first: bool
) -> Out:
    """Run a step somebody is waiting for: a few quick tries, then ActivityError.

    `locally_first` only for what asks nobody outside: a slow provider would keep slots busy that
    all other orders need.
    """
    if locally_first:
        with contextlib.suppress(FailureError):
            return await _run_locally(step, arg, summary, NO_RETRIES)
    return await workflow.execute_activity_method(
        step,
        arg,
        start_to_close_timeout=BUYER_PATIENCE,
        # Bounds all tries together, and the wait for a worker: the buyer counts from his click.
        schedule_to_close_timeout=BUYER_PATIENCE,
        retry_policy=FEW_RETRIES,
        summary=summary,
    )


async def _run_locally(step: Step[In, Out], arg: In, summary: str, retries: RetryPolicy) -> Out:
    return await workflow.execute_local_activity_method(
        step,
        arg,
        start_to_close_timeout=LOCAL_TIMEOUT,
        schedule_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=retries,
        summary=summary,
    )


async def wait_until(deadline: datetime, condition: Callable[[], bool], summary: str) -> None:
    """Wait for the condition, but no longer than the deadline."""
    with contextlib.suppress(asyncio.TimeoutError):
        await workflow.wait_condition(
            condition,
            # Never 0 or less: asyncio would then start no timer, and let nobody else run.
            timeout=max(deadline - workflow.now(), timedelta(milliseconds=1)),
            timeout_summary=summary,
        )
