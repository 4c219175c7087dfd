"""Refusals and failures as problem documents (RFC 9457), by one table."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import asyncpg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from temporalio.service import RPCError

from api.methods import allowed_methods
from api.validation import MAX_TEXT, validation_errors
from domain.errors import ErrorCode, InvalidField, Refusal
from infra.postgres.queries import UnknownCursor

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class ProblemKind(NamedTuple):
    status: int
    title: str
    headers: Mapping[str, str] = {}


_RETRY_SOON = {"Retry-After": "1"}

KINDS: Mapping[ErrorCode, ProblemKind] = {
    ErrorCode.UNAUTHENTICATED: ProblemKind(
        401, "Who you are is not proved", {"WWW-Authenticate": "Bearer"}
    ),
    ErrorCode.FORBIDDEN: ProblemKind(403, "Not for your role"),
    ErrorCode.NOT_FOUND: ProblemKind(404, "There is no such thing"),
    ErrorCode.INVALID: ProblemKind(422, "The request is not valid"),
    ErrorCode.NOT_STARTED: ProblemKind(409, "The sale has not started"),
    ErrorCode.ENDED: ProblemKind(409, "The sale has ended"),
    ErrorCode.PAUSED: ProblemKind(409, "The sale is paused"),
    ErrorCode.SOLD_OUT: ProblemKind(409, "Sold out"),
    ErrorCode.LIMIT_REACHED: ProblemKind(409, "You have all that one buyer may have"),
    ErrorCode.ENTRY_TOKEN_INVALID: ProblemKind(403, "The entry token is not valid"),
    ErrorCode.NOT_YOUR_TURN: ProblemKind(409, "It is not your turn yet"),
    ErrorCode.ROOM_OVER: ProblemKind(409, "The room is over"),
    ErrorCode.IDEMPOTENCY_MISMATCH: ProblemKind(
        409, "The Idempotency-Key was used for another request"
    ),
    ErrorCode.INVALID_STATE: ProblemKind(409, "Not possible in this state"),
    ErrorCode.INSUFFICIENT_POINTS: ProblemKind(409, "Not enough points"),
    ErrorCode.RATE_LIMITED: ProblemKind(429, "Too many requests", _RETRY_SOON),
    ErrorCode.OVERLOADED: ProblemKind(503, "Too many people at once", _RETRY_SOON),
    ErrorCode.UNAVAILABLE: ProblemKind(503, "Not available right now", _RETRY_SOON),
}

_CODE_OF_STATUS = {
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    429: ErrorCode.RATE_LIMITED,
}
# Statuses of HTTP itself that say more than the table's 422.
_KEPT_STATUSES = frozenset({405, 411, 413, 414, 415, 426})

Outage = (
    RedisError,
    DBAPIError,
    PoolTimeout,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    RPCError,
    OSError,
    TimeoutError,
)


def invalid(location: list[str], message: str, *, kind: str = "invalid") -> Refusal:
    """For what no schema can judge: told in the shape of FastAPI's own errors."""
    error = {"loc": location, "msg": message, "type": kind}
    return Refusal(ErrorCode.INVALID, message, errors=[error])


def problem_bytes(refusal: Refusal, status: int) -> bytes:
    """The document of a refusal, with the members the contract adds for its code."""
    # A rule names the field; only here is it known where the caller wrote it.
    if isinstance(refusal, InvalidField):
        refusal = invalid(["body", refusal.field], refusal.detail, kind=refusal.field)
    document = {
        "type": f"urn:seckill:problem:{refusal.code.value.lower()}",
        "title": KINDS[refusal.code].title,
        "status": status,
        "detail": refusal.detail or KINDS[refusal.code].title,
        "code": refusal.code.value,
        **({"errors": []} if refusal.code is ErrorCode.INVALID else {}),
        **refusal.extra,
    }
    return json.dumps(document, default=str, allow_nan=False).encode()


def problem_response(
    refusal: Refusal, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    kind = KINDS[refusal.code]
    status = status or kind.status
    return Response(
        problem_bytes(refusal, status),
        status_code=status,
        headers={**kind.headers, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def http_problem(error: HTTPException) -> Response:
    """For what HTTP itself refuses: no such route, no such method, too large a body."""
    if error.status_code >= 500:
        return problem_response(Refusal(ErrorCode.UNAVAILABLE))
    if error.status_code == 400:
        # FastAPI says so of a body that its JSON parser could not even begin with.
        return problem_response(invalid(["body"], "this is not JSON", kind="json_invalid"))
    if error.status_code == 413:
        return problem_response(invalid(["body"], error.detail, kind="too_large"), status=413)
    if error.status_code == 415:
        refusal = invalid(["header", "Content-Type"], error.detail, kind="media_type")
        return problem_response(refusal, status=415, headers=error.headers)
    code = _CODE_OF_STATUS.get(error.status_code, ErrorCode.INVALID)
    status = error.status_code if error.status_code in _KEPT_STATUSES else None
    return problem_response(Refusal(code, error.detail), status=status, headers=error.headers)


def unavailable(request_line: str, error: BaseException) -> Response:
    """What failed stays in the log; the caller learns only that trying again may help."""
    if isinstance(error, Outage):
        log.warning("dependency_failed", request=request_line, error=repr(error)[:MAX_TEXT])
    else:
        log.error("unexpected_error", request=request_line, exc_info=error)
    return problem_response(Refusal(ErrorCode.UNAVAILABLE, "try again in a moment"))


def install(app: FastAPI) -> None:
    """Make every answer that is not a success a problem document."""

    @app.exception_handler(Refusal)
    async def refused(_request: Request, refusal: Refusal) -> Response:
        return problem_response(refusal)

    @app.exception_handler(UnknownCursor)
    async def lost(_request: Request, refusal: UnknownCursor) -> Response:
        return problem_response(invalid(["query", "cursor"], refusal.detail, kind="cursor"))

    @app.exception_handler(RequestValidationError)
    async def not_valid(_request: Request, error: RequestValidationError) -> Response:
        errors = validation_errors(error.errors())
        return problem_response(Refusal(ErrorCode.INVALID, "see errors", errors=errors))

    @app.exception_handler(HTTPException)
    async def refused_by_http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allow = allowed_methods(app.router.routes, request.scope)
            error = HTTPException(405, error.detail, {"Allow": allow})
        return http_problem(error)
