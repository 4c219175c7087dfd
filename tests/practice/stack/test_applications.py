"""Our own processes as parts of the stack."""

import os
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from practice.stack.applications import Application, api, practice_provider, worker
from tests.support.http_server import serving

POLLERS = 'temporal_num_pollers{poller_type="workflow_task",task_queue="seckill"} '


def answering(path: str, text: str, status: int) -> Starlette:
    async def health(_: Request) -> Response:
        return PlainTextResponse(text, status)

    return Starlette(routes=[Route(path, health)])


@pytest.mark.parametrize(
    ("make", "path", "text", "status", "ready"),
    [
        (api, "/readyz", "ok", 200, True),
        (api, "/readyz", "no redis", 503, False),
        (worker, "/metrics", f"{POLLERS}5", 200, True),
        (worker, "/metrics", f"{POLLERS}0", 200, False),
        (worker, "/metrics", "", 200, False),
    ],
)
async def test_it_is_ready_when_it_says_that_it_can_work(
    make: type[Application], path: str, text: str, status: int, ready: bool
) -> None:
    async with serving(answering(path, text, status)) as url:
        assert await make(url, os.environ.copy).ready() is ready  # type: ignore[call-arg, arg-type]


async def test_it_is_not_ready_where_nobody_listens() -> None:
    assert not await api("http://127.0.0.1:9", os.environ.copy).ready()


def test_the_practice_provider_listens_where_its_address_says(tmp_path: Path) -> None:
    provider = practice_provider("http://127.0.0.1:4711", tmp_path, lambda: {"A": "1"})
    command = provider.command()
    assert provider.name == "sandbox"
    assert command.env == {"A": "1"}
    assert command.argv[command.argv.index("--port") + 1] == "4711"
    assert command.argv[command.argv.index("--book") + 1] == str(tmp_path / "book.db")
