"""The practice payment provider as one ASGI application."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.middleware import Middleware

from practice.provider.alipay import Alipay
from practice.provider.bills import BillFiles
from practice.provider.book_api import BookApi, Problem
from practice.provider.cashier import Cashier
from practice.provider.control import Controls
from practice.provider.keys import Keys
from practice.provider.notice_sender import NoticeSender
from practice.provider.page_headers import PageHeaders
from practice.provider.storage import Storage
from practice.provider.trading import Trading
from practice.provider.wechatpay import WechatPay

log = structlog.get_logger()

OUTERMOST = [Middleware(PageHeaders)]
TICK_SECONDS = 0.1
LOOP_PAUSE_SECONDS = 1.0


def create_app(
    keys_dir: Path,
    book_path: Path | None,
    *,
    notify_retry_scale: float = 1.0,
    refund_seconds: float = 0.5,
    clock: Callable[[], float] = time.time,
) -> FastAPI:
    """A provider with the keys of `keys_dir` (made on first use) and the book in `book_path`
    (in memory if None). `notify_retry_scale` shortens the pauses between repeated notices and
    between refunds of one order; `refund_seconds` is how long a WeChat Pay refund takes."""
    keys, storage = Keys(keys_dir), Storage(book_path)
    trading = Trading(storage, Controls(storage), clock, refund_seconds)
    sender = NoticeSender(
        trading.notices, keys, trading.controls, scale=notify_retry_scale, clock=clock
    )
    trading.on_notice = sender.wake
    cashier, bill_files = Cashier(keys, trading), BillFiles(trading.clock)
    alipay = Alipay(keys, trading, cashier, bill_files)
    wechatpay = WechatPay(keys, trading, bill_files, pace_scale=notify_retry_scale)

    async def keep_time() -> None:
        trading.pass_time()
        await asyncio.sleep(TICK_SECONDS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_for_ever(work)) for work in (sender.run, keep_time)]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await sender.aclose()
        storage.close()

    app = FastAPI(title="Practice payment provider", lifespan=lifespan, middleware=OUTERMOST)
    app.include_router(BookApi(keys, trading, sender, alipay).router())
    app.router.routes += [*alipay.routes(), *cashier.routes(), *wechatpay.routes()]

    @app.exception_handler(Problem)
    async def answer_problem(_: Request, problem: Problem) -> Response:
        return problem.response()

    return app


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """A loop that ended would be a provider that fell silent and still answers calls."""
    while True:
        try:
            await work()
        except Exception as error:
            log.exception("provider_loop_failed", error=type(error).__name__)
            await asyncio.sleep(LOOP_PAUSE_SECONDS)
