from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from domain.gateway_errors import TryLater
from domain.payment import PaymentMethod
from infra.gateways.provider_book import BookTrade, PracticeBook
from tests.support.http_server import serving


def line(number: int) -> dict[str, object]:
    return {
        "provider": "wechatpay",
        "out_trade_no": f"W{number}",
        "trade_no": None,
        "subject": "秒杀",
        "amount": 8805,
        "paid": 8805,
        "refunded": 5,
        "status": "paid",
    }


PAGES = {
    "": {"trades": [line(1), line(2)], "next_cursor": "2"},
    "2": {"trades": [line(3)], "next_cursor": "3"},
    "3": {"trades": [], "next_cursor": None},
}


@pytest.fixture(params=["", "/"])
async def book(request: pytest.FixtureRequest) -> AsyncIterator[PracticeBook]:
    async def page(asked: Request) -> Response:
        return JSONResponse(PAGES[asked.query_params.get("cursor", "")])

    async with serving(Starlette(routes=[Route("/book", page)])) as url:
        opened = PracticeBook(url + request.param)
        yield opened
        await opened.aclose()


async def test_every_page_of_the_book_is_read(book: PracticeBook) -> None:
    trades = [trade async for trade in book.trades()]
    assert [trade.out_trade_no for trade in trades] == ["W1", "W2", "W3"]
    assert trades[0] == BookTrade(
        provider=PaymentMethod.WECHATPAY,
        out_trade_no="W1",
        trade_no=None,
        subject="秒杀",
        amount=8805,
        paid=8805,
        refunded=5,
        status="paid",
    )


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("oops", 500),
        PlainTextResponse("not here", 404),
        PlainTextResponse("<html>"),
        JSONResponse({"trades": [{"provider": "paypal"}]}),
    ],
    ids=["broken", "missing", "no JSON", "no trades of ours"],
)
async def test_a_book_that_cannot_be_read_is_asked_for_later(answer: Response) -> None:
    async def page(_: Request) -> Response:
        return answer

    async with serving(Starlette(routes=[Route("/book", page)])) as url:
        book = PracticeBook(url)
        with pytest.raises(TryLater, match="practice provider book"):
            _ = [trade async for trade in book.trades()]
        await book.aclose()
