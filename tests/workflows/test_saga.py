"""What was done is undone in reverse, each step once, whatever becomes of the others."""

from collections.abc import Awaitable, Callable

import pytest
from temporalio import workflow
from temporalio.exceptions import ActivityError, RetryState

from workflows.saga import NotToBeUndone, Saga


def _cannot_be_undone() -> ActivityError:
    return ActivityError(
        "no",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="undo",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )


def _undo(
    undone: list[str], step: str, error: BaseException | None = None
) -> Callable[[], Awaitable[None]]:
    async def undo() -> None:
        if error:
            raise error
        undone.append(step)

    return undo


async def test_the_last_step_is_undone_first() -> None:
    undone: list[str] = []
    saga = Saga()
    for step in ("reserve", "place", "charge"):
        saga.before_doing(_undo(undone, step))

    await saga.compensate()

    assert undone == ["charge", "place", "reserve"]


async def test_a_second_compensation_finds_nothing_left_to_undo() -> None:
    undone: list[str] = []
    saga = Saga()
    saga.before_doing(_undo(undone, "reserve"))

    await saga.compensate()
    await saga.compensate()

    assert undone == ["reserve"]


async def test_a_step_that_cannot_be_undone_is_logged_and_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(workflow.logger, "error", lambda event, **_: logged.append(event))
    undone: list[str] = []
    saga = Saga()
    saga.before_doing(_undo(undone, "reserve"))
    saga.before_doing(_undo(undone, "place", _cannot_be_undone()))

    await saga.compensate()

    assert (undone, logged) == (["reserve"], ["compensation_failed"])


async def test_past_the_point_of_no_return_nothing_is_undone() -> None:
    undone: list[str] = []
    saga = Saga()
    saga.before_doing(_undo(undone, "reserve"))
    saga.pass_point_of_no_return()

    await saga.compensate()

    assert undone == []


async def test_what_came_further_than_was_known_is_not_undone_nor_what_is_before_it() -> None:
    undone: list[str] = []
    saga = Saga()
    saga.before_doing(_undo(undone, "reserve"))
    saga.before_doing(_undo(undone, "place", NotToBeUndone()))

    for _ in range(2):
        with pytest.raises(NotToBeUndone):
            await saga.compensate()

    assert undone == []
