"""The gate's own way in, before any layer of the framework.

A click as clients send it is answered here. Whatever is unusual about a request (a body without a
length, of another type or too big, a header said twice, another method, another path) goes the
long way through the edge and the framework, which know what to say.
"""

import time
from typing import NamedTuple

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api.addresses import FORWARDED, CameFrom, peer_of
from api.answer_headers import Header, dressed
from api.cors import VARY, shown_to
from api.gate_answers import Answer, send_answer
from api.metrics import Metrics
from api.problems import unavailable
from api.request_body import is_json
from api.routes import gate
from domain.errors import ErrorCode

# Of so many digits a length is far below `request_body.MAX_BODY_BYTES`.
LENGTH_DIGITS = 4
_path_of_an_item = gate.route.path_regex.fullmatch


class PlainClick(NamedTuple):
    """`origin`: of the page that sent it."""

    click: gate.Click
    origin: bytes


class Front:
    """`state`: the application's, which holds the opened services once it has started."""

    def __init__(self, state: State, metrics: Metrics, origins: frozenset[str]) -> None:
        self._state = state
        self._metrics = metrics
        # The gate's answers are all dressed alike: none is a page, none may be kept.
        self._dressing = (*dressed(gate.PATH, 202, ()), *((VARY,) if origins else ()))
        self._dressing_of: dict[bytes, tuple[Header, ...]] = {
            origin.encode(): (*self._dressing, *shown_to(origin)) for origin in origins
        }

    async def serve(self, plain: PlainClick, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 0
        dressing = self._dressing_of.get(plain.origin, self._dressing)
        try:
            answer = await gate.answer(self._state.services, plain.click, receive)
            status = answer.status
            await send_answer(send, answer, dressing)
        except ClientDisconnect:
            return
        except Exception as error:
            # Once an answer has begun, only breaking the connection tells that it is not whole.
            if status:
                raise
            answer = _unavailable(error)
            status = answer.status
            await send_answer(send, answer, dressing)
        finally:
            self._metrics.answered("POST", gate.PATH, status, time.perf_counter() - began)


def plain_click(scope: Scope) -> PlainClick | None:
    """None for what has to go the long way."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path = _path_of_an_item(scope["path"])
    if path is None:
        return None
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if len(headers) != len(scope["headers"]):
        return None
    length = headers.get(b"content-length", b"")
    if not 0 < len(length) <= LENGTH_DIGITS or length == b"0":
        return None
    if not is_json(headers.get(b"content-type", b"")):
        return None
    authorization, key = headers.get(b"authorization"), headers.get(b"idempotency-key")
    token = headers.get(b"x-entry-token")
    click = gate.Click(
        path["sale_id"],
        path["sku_id"],
        () if authorization is None else (authorization,),
        () if key is None else (key,),
        () if token is None else (token,),
        CameFrom(peer_of(scope), headers.get(FORWARDED, b"")),
    )
    return PlainClick(click, headers.get(b"origin", b""))


def _unavailable(error: Exception) -> Answer:
    response = unavailable(f"POST {gate.PATH}", error)
    body = bytes(response.body)
    return Answer(
        ErrorCode.UNAVAILABLE.value, response.status_code, tuple(response.raw_headers), body
    )


class FrontedApi(FastAPI):
    """FastAPI with the front before it."""

    front: Front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if plain := plain_click(scope):
            await self.front.serve(plain, receive, send)
        else:
            await super().__call__(scope, receive, send)
