"""A refusal goes from a step through its workflow to the caller, with all it says."""

import pytest
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    RetryState,
)

from activities.refusals import refusal, refusal_from
from domain.errors import ErrorCode


def _failed_with(cause: BaseException | None) -> ActivityError:
    error = ActivityError(
        "activity failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="begin_payment",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


def test_an_expected_no_is_neither_retried_nor_counted_as_a_failure() -> None:
    no = refusal(ErrorCode.INSUFFICIENT_POINTS, "too few", balance=1, needed=2)

    assert no.non_retryable
    assert no.category is ApplicationErrorCategory.BENIGN
    assert (no.type, no.details) == ("INSUFFICIENT_POINTS", ({"balance": 1, "needed": 2},))


def test_what_a_step_refused_its_workflow_refuses_too() -> None:
    no = refusal(ErrorCode.INSUFFICIENT_POINTS, "too few", balance=1, needed=2)

    again = refusal_from(_failed_with(no))

    assert (again.type, again.message, again.details) == (no.type, no.message, no.details)


@pytest.mark.parametrize(
    "cause", [None, ApplicationError("broken"), ApplicationError("broken", type="KeyError")]
)
def test_a_step_without_an_answer_is_unavailable(cause: BaseException | None) -> None:
    assert refusal_from(_failed_with(cause)).type == ErrorCode.UNAVAILABLE
