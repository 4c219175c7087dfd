"""Where a merchant's notices arrive, to be looked at and answered well or badly."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.support.http_server import serving
from tests.support.polling import until


@dataclass(frozen=True)
class Letter:
    """A notice as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Letterbox:
    """Where notices arrive. `refusals`: how many are answered badly before the good answers."""

    url: str = ""
    letters: list[Letter] = field(default_factory=list)
    refusals: int = 0

    @property
    def alipay_url(self) -> str:
        return f"{self.url}/alipay"

    @property
    def wechatpay_url(self) -> str:
        return f"{self.url}/wechatpay"

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{provider}", self._take, methods=["POST"])])

    async def arrived(self, count: int) -> list[Letter]:
        await until(lambda: len(self.letters) >= count)
        return self.letters

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        self.letters.append(Letter(request.url.path, dict(request.headers), body))
        if self.refusals:
            self.refusals -= 1
            return PlainTextResponse("fail", 500)
        if request.url.path == "/alipay":
            return PlainTextResponse("success")
        return Response(status_code=204)


@pytest.fixture(scope="session")
async def open_letterbox() -> AsyncIterator[Letterbox]:
    box = Letterbox()
    async with serving(box.app()) as url:
        box.url = url
        yield box


@pytest.fixture
def letterbox(open_letterbox: Letterbox) -> Letterbox:
    """Emptied; no provider of an earlier test is left to write to it."""
    open_letterbox.letters = []
    open_letterbox.refusals = 0
    return open_letterbox
