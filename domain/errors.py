"""Why a request is refused: the codes callers may rely on."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """The `code` of a problem document, as the HTTP contract names it."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    INVALID = "INVALID"
    NOT_STARTED = "NOT_STARTED"
    ENDED = "ENDED"
    PAUSED = "PAUSED"
    SOLD_OUT = "SOLD_OUT"
    LIMIT_REACHED = "LIMIT_REACHED"
    # Not a secret, whatever the linter takes it for.
    ENTRY_TOKEN_INVALID = "ENTRY_TOKEN_INVALID"  # noqa: S105
    NOT_YOUR_TURN = "NOT_YOUR_TURN"
    ROOM_OVER = "ROOM_OVER"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    INVALID_STATE = "INVALID_STATE"
    INSUFFICIENT_POINTS = "INSUFFICIENT_POINTS"
    RATE_LIMITED = "RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    UNAVAILABLE = "UNAVAILABLE"


class Refusal(Exception):
    """A request that is understood and refused; nothing was changed by it.

    `extra` holds the members the contract adds for this code (for example `order_status`).
    """

    def __init__(self, code: ErrorCode, detail: str = "", **extra: object) -> None:
        super().__init__(detail or code.value)
        self.code = code
        self.detail = detail
        self.extra = extra


class InvalidField(Refusal):
    """INVALID for the sake of one field of what was asked for, named as the caller named it.
    Where that field stood (a body, a query, a form) is known at the edge alone."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(ErrorCode.INVALID, why)
        self.field = field
