"""The layer around the framework, in plain ASGI: nothing too big comes in, no stack trace goes out,
every answer has its headers and is counted."""

import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import limits
from api.answer_headers import dressed
from api.limits import Limits
from api.metrics import Metrics
from api.problems import http_problem, problem_response, unavailable
from api.request_body import checked
from domain.errors import Refusal

NO_ROUTE = "none"
HEAD_ONLY = "seckill.head_only"
_STREAM = (b"content-type", b"text/event-stream")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """`express` is served from here: what the front leaves of the gate needs nothing of FastAPI."""

    def __init__(self, app: ASGIApp, metrics: Metrics, limits: Limits, express: Route) -> None:
        self._app = app
        self._metrics = metrics
        self._limits = limits
        self._express = express

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        method, status, is_counted = scope["method"], 0, False
        if method == "HEAD":
            # What can be got has a head: the same answer without its body. A stream would have no
            # end to it, so it is told.
            scope = {**scope, "method": "GET", HEAD_ONLY: True}

        def count() -> None:
            nonlocal is_counted
            elapsed, is_counted = time.perf_counter() - began, True
            counted = method if method in _METHODS else "other"
            self._metrics.answered(counted, _template(scope), status, elapsed)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                limits.end(scope)
                status = message["status"]
                headers = dressed(_template(scope), status, message.get("headers", ()))
                message = {**message, "headers": headers}
                # How long it stays open says nothing of how long it took to answer.
                if _STREAM in headers:
                    count()
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._serve(scope, checked(scope, receive), watched)
        except ClientDisconnect:
            return
        except Exception as error:
            # Once an answer has begun, only breaking the connection tells that it is not whole.
            if status:
                raise
            await unavailable(f"{method} {_template(scope)}", error)(scope, receive, watched)
        finally:
            limits.end(scope)
            if not is_counted:
                count()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        match, matched = self._express.matches(scope)
        if match is not Match.FULL:
            try:
                self._limits.begin_public(scope)
            except Refusal as refusal:
                await problem_response(refusal)(scope, receive, send)
                return
            await self._app(scope, receive, send)
            return
        scope.update(matched, route=self._express)
        try:
            await self._express.handle(scope, receive, send)
        except HTTPException as error:
            await http_problem(error)(scope, receive, send)


def _template(scope: Scope) -> str:
    """The route as written, never the path as called: labels must stay few."""
    route: Any = scope.get("route")
    return getattr(route, "path_format", NO_ROUTE)
