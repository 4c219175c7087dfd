"""The outermost layer around an application of any kind."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from api import problems
from api.edge import Edge
from api.limits import Limits
from api.metrics import Metrics
from api.request_body import MAX_BODY_BYTES
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import JSON

CALL = {"type": "http", "method": "POST", "path": "/echo/a", "query_string": b""}


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def broken(_request: Request) -> Response:
    raise RuntimeError("the password is hunter2")


async def half_told(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"half an answer"
        raise RuntimeError("and no more")

    return StreamingResponse(chunks())


class Express:
    """Counts what reaches it."""

    def __init__(self) -> None:
        self.served = 0

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        self.served += 1
        raise HTTPException(404)


class World:
    """An edge around three routes, and one that it serves itself."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.express = Express()
        self.app = FastAPI()
        self.app.add_api_route("/echo/{name}", echo, methods=["POST"])
        self.app.add_api_route("/broken", broken)
        self.app.add_api_route("/half", half_told)
        problems.install(self.app)
        route = Route("/express/{name}", self.express, methods=["POST"])
        limits = Limits(Settings(), self.metrics, 100)
        self.app.add_middleware(Edge, metrics=self.metrics, limits=limits, express=route)

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://edge.test")

    def counted(self) -> str:
        return self.metrics.exposition().decode()


@pytest.fixture
def world() -> World:
    return World()


async def chunks(size: int, of: int) -> AsyncIterator[bytes]:
    for _ in range(size // of):
        yield b"x" * of


async def test_a_body_may_be_as_big_as_allowed_and_no_bigger(world: World) -> None:
    async with world.client() as client:
        whole = await client.post("/echo/a", content=b"x" * MAX_BODY_BYTES, headers=JSON)
        streamed = await client.post("/echo/a", content=chunks(MAX_BODY_BYTES, 1024), headers=JSON)

    assert whole.text == streamed.text == str(MAX_BODY_BYTES)


async def test_a_declared_length_is_believed_before_anything_is_read(world: World) -> None:
    read = 0
    sent: list[Message] = []

    async def receive() -> Message:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    for length in (str(MAX_BODY_BYTES + 1), "9" * 20):
        sent.clear()
        headers = [(b"content-length", length.encode())]
        await world.app({**CALL, "headers": headers}, receive, send)
        assert sent[0]["status"] == 413
    assert read == 0


async def test_what_breaks_is_a_problem_that_gives_nothing_away(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/broken")

    assert_problem(answer, 503, "UNAVAILABLE")
    assert "hunter2" not in answer.text
    assert 'route="/broken",status="503"' in world.counted()


async def test_an_answer_that_broke_off_is_not_completed(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(RuntimeError, match="no more"):
            await client.get("/half")


async def test_what_the_edge_serves_itself_never_reaches_the_application(world: World) -> None:
    async with world.client() as client:
        answer = await client.post("/express/a")

    assert world.express.served == 1
    assert_problem(answer, 404, "NOT_FOUND")
    assert 'method="POST",route="/express/{name}",status="404"' in world.counted()


async def test_labels_stay_few_whatever_is_called(world: World) -> None:
    async with world.client() as client:
        await client.request("BREW", "/nowhere/1")
        await client.post("/echo/one")
        await client.post("/echo/two")

    counted = world.counted()
    assert 'method="other",route="none"' in counted
    assert 'method="POST",route="/echo/{name}",status="200"} 2.0' in counted
    assert "nowhere" not in counted


async def test_a_caller_who_has_gone_gets_no_answer(world: World) -> None:
    async def gone(_scope: object, _receive: object, _send: object) -> None:
        raise ClientDisconnect

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    route = Route("/express", echo, methods=["POST"])
    edge = Edge(gone, world.metrics, Limits(Settings(), world.metrics, 100), route)
    await edge({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send)  # type: ignore[arg-type]

    assert sent == []
