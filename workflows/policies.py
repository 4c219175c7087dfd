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

# Longer than any client timeout inside an activity, so that a retry never overlaps a first try.
STEP_TIMEOUT = timedelta(seconds=10)
PROMPT_TIMEOUT = timedelta(seconds=5)
PROVIDER_TIMEOUT = timedelta(seconds=20)
BUYER_PATIENCE = timedelta(seconds=12)

# Bounded by tries and not by time: the SDK goes on retrying a local activity past its
# schedule-to-close timeout, and holds up the worker's shutdown as long as it does.
PROMPT_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=4)
# Minutes in all: a message that comes days later helps nobody.
MESSAGE_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=8)
NO_RETRIES = RetryPolicy(maximum_attempts=1)
FEW_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3)
# Slow, because a provider counts its error answers, and a busy one is best left alone.
PATIENT_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)
ENDLESS_RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)
)


async def promptly(
    step: Step[In, Out], arg: In, summary: str, *, delayed: Callable[[], None] = lambda: None
) -> Out:
    """Run a step of the hot path in the worker at hand; if that does not work out soon, call
    `delayed` and hand it to the server, where it is retried without end and an operator can see it.

    Both may have an effect: steps are idempotent. What a step says is final is asked once more,
    because a worker that shuts down lets any failure look final (and not even as ActivityError).
    """
    with contextlib.suppress(FailureError):
        return await _here(step, arg, summary, PROMPT_RETRIES)
    delayed()
    return await persistently(step, arg, summary)


async def persistently(
    step: Step[In, Out], arg: In, summary: str, timeout: timedelta = STEP_TIMEOUT
) -> Out:
    """Run a step until it succeeds, however long that takes: undoing, settling, closing."""
    return await workflow.execute_activity_method(
        step,
        arg,
        start_to_close_timeout=timeout,
        retry_policy=ENDLESS_RETRIES,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )


async def patiently(step: Step[In, Out], arg: In, summary: str, queue: str) -> Out:
    """Run a call that nobody waits for, on the queue that keeps its provider's limits."""
    return await workflow.execute_activity_method(
        step,
        arg,
        task_queue=queue,
        start_to_close_timeout=PROVIDER_TIMEOUT,
        retry_policy=PATIENT_RETRIES,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )


async def for_a_while(step: Step[In, Out], arg: In, summary: str) -> Out:
    """Run a step that is worth some minutes of trying, and no more."""
    return await workflow.execute_activity_method(
        step,
        arg,
        start_to_close_timeout=STEP_TIMEOUT,
        retry_policy=MESSAGE_RETRIES,
        summary=summary,
    )


async def while_the_buyer_waits(
    step: Step[In, Out], arg: In, summary: str, *, at_hand: bool
) -> Out:
    """Run a step somebody is waiting for: a few quick tries, then an error.

    `at_hand`: it asks nobody outside, so the first try is made by the worker at hand. A provider
    that is slow would keep such tries busy that all other orders need.
    """
    if at_hand:
        with contextlib.suppress(FailureError):
            return await _here(step, arg, summary, NO_RETRIES)
    return await workflow.execute_activity_method(
        step,
        arg,
        start_to_close_timeout=BUYER_PATIENCE,
        schedule_to_close_timeout=BUYER_PATIENCE,
        retry_policy=FEW_RETRIES,
        summary=summary,
    )


async def _here(step: Step[In, Out], arg: In, summary: str, retries: RetryPolicy) -> Out:
    return await workflow.execute_local_activity_method(
        step,
        arg,
        start_to_close_timeout=PROMPT_TIMEOUT,
        schedule_to_close_timeout=PROMPT_TIMEOUT,
        retry_policy=retries,
        summary=summary,
    )


async def wait_until(deadline: datetime, condition: Callable[[], bool], summary: str) -> None:
    """Wait for the condition, but no longer than the deadline."""
    with contextlib.suppress(asyncio.TimeoutError):
        await workflow.wait_condition(
            condition,
            timeout=max(deadline - workflow.now(), timedelta(milliseconds=1)),
            timeout_summary=summary,
        )
