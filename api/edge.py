"""The outermost layer, in plain ASGI: nothing too big comes in, no stack trace goes out, and
every answer is counted."""

import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import http_problem, unavailable

MAX_BODY_BYTES = 64 * 1024
NO_ROUTE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _BodyTooLarge(HTTPException):
    """An HTTPException, because FastAPI answers 400 to whatever else stops it reading a body."""

    def __init__(self) -> None:
        super().__init__(413, f"a body has at most {MAX_BODY_BYTES} bytes")


class Edge:
    """`express` is served from here: at the gate FastAPI's own layers would cost a fifth of the
    throughput, and it needs none of them."""

    def __init__(self, app: ASGIApp, metrics: Metrics, express: Route) -> None:
        self._app = app
        self._metrics = metrics
        self._express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._serve(scope, _limited(scope, receive), watched)
        except ClientDisconnect:
            return
        except Exception as error:
            # Once an answer has begun, only breaking the connection tells that it is not whole.
            if status:
                raise
            await unavailable(f"{scope['method']} {_template(scope)}", error)(
                scope, receive, watched
            )
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            elapsed = time.perf_counter() - began
            self._metrics.answered(method, _template(scope), status, elapsed)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        match, matched = self._express.matches(scope)
        if match is not Match.FULL:
            await self._app(scope, receive, send)
            return
        scope.update(matched, route=self._express)
        try:
            await self._express.handle(scope, receive, send)
        except HTTPException as error:
            await http_problem(error)(scope, receive, send)


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Trusts a small Content-Length, which the server enforces; counts a body without one."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), None)
    if declared is not None and len(declared) < 9 and int(declared) <= MAX_BODY_BYTES:
        return receive
    received = 0

    async def counted() -> Message:
        nonlocal received
        if declared is not None:
            raise _BodyTooLarge
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise _BodyTooLarge
        return message

    return counted


def _template(scope: Scope) -> str:
    """The route as written, never the path as called: labels must stay few."""
    route: Any = scope.get("route")
    return getattr(route, "path_format", NO_ROUTE)
