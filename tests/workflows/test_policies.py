"""How a step is run: where its first tries are made, and what follows when they fail."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from workflows.policies import (
    run_for_minutes,
    run_locally_first,
    run_rate_limited,
    run_until_done,
    run_while_buyer_waits,
    wait_until,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
FOR_GOOD = ApplicationError("the worker shuts down", non_retryable=True)


class Steps:
    async def step(self, arg: str) -> str:
        return f"did {arg}"


@dataclass
class Temporal:
    """Stands for the server: keeps how each activity was asked for."""

    local_failure: BaseException | None = None
    failure: BaseException | None = None
    asked: list[str] = field(default_factory=list)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def run_local(self, step: Any, arg: str, **options: Any) -> str:
        return await self._run("local", self.local_failure, step, arg, options)

    async def run(self, step: Any, arg: str, **options: Any) -> str:
        return await self._run("normal", self.failure, step, arg, options)

    async def _run(
        self,
        kind: str,
        failure: BaseException | None,
        step: Callable[[Steps, str], Awaitable[str]],
        arg: str,
        options: dict[str, Any],
    ) -> str:
        self.asked.append(kind)
        self.options[kind] = options
        if failure:
            raise failure
        return await step(Steps(), arg)

    def retries(self, kind: str) -> RetryPolicy:
        policy: RetryPolicy = self.options[kind]["retry_policy"]
        return policy


@pytest.fixture
def temporal(monkeypatch: pytest.MonkeyPatch) -> Temporal:
    server = Temporal()
    monkeypatch.setattr(workflow, "execute_local_activity_method", server.run_local)
    monkeypatch.setattr(workflow, "execute_activity_method", server.run)
    return server


async def test_a_step_that_works_out_locally_asks_the_server_for_nothing(
    temporal: Temporal,
) -> None:
    assert await run_locally_first(Steps.step, "it", "do it") == "did it"

    assert temporal.asked == ["local"]
    # By tries and not by time alone: see the retries' own remark.
    assert temporal.retries("local").maximum_attempts > 1


async def test_even_what_fails_for_good_locally_is_done_until_it_is(temporal: Temporal) -> None:
    temporal.local_failure = FOR_GOOD
    delays: list[str] = []

    done = await run_locally_first(
        Steps.step, "it", "do it", when_delayed=lambda: delays.append("late")
    )

    assert done == "did it"
    assert (temporal.asked, delays) == (["local", "normal"], ["late"])
    # 0 stands for no end.
    assert temporal.retries("normal").maximum_attempts == 0


async def test_being_evicted_from_the_cache_is_no_failure_of_a_step(temporal: Temporal) -> None:
    temporal.local_failure = asyncio.CancelledError()

    with pytest.raises(asyncio.CancelledError):
        await run_locally_first(Steps.step, "it", "do it")

    assert temporal.asked == ["local"]


async def test_what_has_to_be_done_is_tried_without_end_and_never_left_half_done(
    temporal: Temporal,
) -> None:
    await run_until_done(Steps.step, "it", "do it", timedelta(seconds=20))

    assert temporal.retries("normal").maximum_attempts == 0
    options = temporal.options["normal"]
    assert options["start_to_close_timeout"] == timedelta(seconds=20)
    assert "schedule_to_close_timeout" not in options
    waits = workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    assert options["cancellation_type"] is waits


async def test_a_providers_call_waits_in_its_own_queue(temporal: Temporal) -> None:
    await run_rate_limited(Steps.step, "it", "ask for it", "orders-refunds")

    assert temporal.options["normal"]["task_queue"] == "orders-refunds"
    assert temporal.retries("normal").maximum_attempts == 0


async def test_what_soon_helps_nobody_is_tried_a_few_times(temporal: Temporal) -> None:
    temporal.failure = FOR_GOOD

    with pytest.raises(ApplicationError):
        await run_for_minutes(Steps.step, "it", "tell it")

    assert temporal.retries("normal").maximum_attempts > 1


@pytest.mark.parametrize(
    ("locally_first", "asked"), [(True, ["local", "normal"]), (False, ["normal"])]
)
async def test_who_waits_is_told_soon_that_it_does_not_work_out(
    temporal: Temporal, locally_first: bool, asked: list[str]
) -> None:
    temporal.local_failure = temporal.failure = FOR_GOOD

    with pytest.raises(ApplicationError):
        await run_while_buyer_waits(Steps.step, "it", "pay", locally_first=locally_first)

    assert temporal.asked == asked
    assert temporal.retries("normal").maximum_attempts > 0
    assert temporal.options["normal"]["schedule_to_close_timeout"] < timedelta(minutes=1)


@pytest.mark.parametrize("deadline", [NOW + timedelta(seconds=5), NOW, NOW - timedelta(hours=1)])
async def test_a_deadline_ends_the_wait_and_always_by_a_timer(
    monkeypatch: pytest.MonkeyPatch, deadline: datetime
) -> None:
    waits: list[timedelta] = []

    async def wait_condition(_: Callable[[], bool], *, timeout: timedelta, **__: object) -> None:
        waits.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(workflow, "wait_condition", wait_condition)
    monkeypatch.setattr(workflow, "now", lambda: NOW)

    await wait_until(deadline, lambda: False, "for nothing")

    assert waits == [max(deadline - NOW, timedelta(milliseconds=1))]
