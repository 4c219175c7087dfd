"""The load generator, against a small server."""

import jwt
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.load import Job, load
from tests.support.http_server import serving

SECRET = "a secret of this test, long enough to sign with"


def job(url: str, path: str = "/orders") -> Job:
    host, port = url.removeprefix("http://").split(":")
    return Job(
        host=host, port=int(port), path=path, jwt_secret=SECRET, crowd="c", buyers=3,
        connections=2, warm_up_seconds=0.05, seconds=0.2, pids={},
    )  # fmt: skip


async def test_it_counts_what_was_answered_while_it_measured() -> None:
    heard: list[tuple[str, str, bytes]] = []

    async def place(request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        buyer = jwt.decode(token, SECRET, algorithms=["HS256"])["sub"]
        heard.append((buyer, request.headers["idempotency-key"], await request.body()))
        return JSONResponse({}, 202)

    async with serving(Starlette(routes=[Route("/orders", place, methods=["POST"])])) as url:
        result = await load(job(url))
    assert set(result.statuses) == {202}
    assert 0 < sum(result.statuses.values()) < len(heard)
    assert result.per_second > 0
    assert 0 < result.p50_ms <= result.p99_ms
    assert {buyer for buyer, _, _ in heard} == {"c-0", "c-1", "c-2"}
    assert len({key for _, key, _ in heard}) == len(heard)
    assert {body for _, _, body in heard} == {b'{"quantity":1}'}


async def test_a_server_that_hangs_up_is_no_result() -> None:
    async def hang_up(_: Request) -> Response:
        return Response(status_code=500, headers={"connection": "close"})

    async with serving(Starlette(routes=[Route("/orders", hang_up, methods=["POST"])])) as url:
        with pytest.raises(RuntimeError, match="connections broke"):
            await load(job(url))
