"""How a step or a workflow says no: errors a caller can map to the HTTP contract."""

from temporalio.exceptions import ActivityError, ApplicationError, ApplicationErrorCategory

from domain.errors import ErrorCode


def refusal(code: ErrorCode, detail: str, **extra: object) -> ApplicationError:
    """An expected no: `type` is the code, the first detail holds the contract's extra members."""
    return ApplicationError(
        detail,
        extra,
        type=code.value,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


def refusal_from(error: ActivityError) -> ApplicationError:
    """The refusal behind a failed step; a step that got no answer counts as UNAVAILABLE."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type and cause.type in ErrorCode.__members__:
        extra = cause.details[0] if cause.details else {}
        return refusal(ErrorCode(cause.type), cause.message, **extra)
    return refusal(ErrorCode.UNAVAILABLE, "no answer in time; try again")
