"""The practice payment provider as one ASGI application."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response

from practice.provider.alipay import Alipay
from practice.provider.bills import BillShelf
from practice.provider.book_api import Desk, Problem
from practice.provider.cashier import Cashier
from practice.provider.control import Controls
from practice.provider.keys import Keys
from practice.provider.notices import NoticeSender
from practice.provider.storage import Storage
from practice.provider.trading import Till
from practice.provider.wechatpay import WechatPay

log = structlog.get_logger()

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
    till = Till(storage, Controls(storage), clock, refund_seconds)
    sender = NoticeSender(till.outbox, keys, till.controls, scale=notify_retry_scale, clock=clock)
    till.on_notice = sender.wake
    cashier, shelf = Cashier(keys, till), BillShelf(clock)
    alipay = Alipay(keys, till, cashier, shelf)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(_lasting(work)) for work in (sender.run, partial(_keep_time, till))
        ]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await sender.aclose()
        storage.close()

    app = FastAPI(title="Practice payment provider", lifespan=lifespan)
    app.add_exception_handler(Problem, _problem)
    app.include_router(Desk(keys, till, sender, alipay).router())
    _add_providers(app, alipay, cashier)
    _add_wechatpay(app, WechatPay(keys, till, shelf, pace_scale=notify_retry_scale))
    return app


def _add_providers(app: FastAPI, alipay: Alipay, cashier: Cashier) -> None:
    app.add_route("/alipay/gateway.do", alipay.gateway, ["GET", "POST"])
    app.add_route("/alipay/bills/{token}", alipay.bill_file, ["GET"])
    app.add_route("/cashier/{code}", cashier.show, ["GET"])
    app.add_route("/cashier/{code}/pay", cashier.pay, ["POST"])


def _add_wechatpay(app: FastAPI, wechatpay: WechatPay) -> None:
    orders = "/wechatpay/v3/pay/transactions/out-trade-no/{out_trade_no}"
    refunds = "/wechatpay/v3/refund/domestic/refunds"
    app.add_route("/wechatpay/v3/pay/transactions/native", wechatpay.native, ["POST"])
    app.add_route(orders, wechatpay.query, ["GET"])
    app.add_route(f"{orders}/close", wechatpay.close, ["POST"])
    app.add_route(refunds, wechatpay.refund, ["POST"])
    app.add_route(f"{refunds}/{{out_refund_no}}", wechatpay.query_refund, ["GET"])
    app.add_route("/wechatpay/v3/bill/tradebill", wechatpay.trade_bill, ["GET"])
    app.add_route("/wechatpay/v3/billdownload/file", wechatpay.bill_file, ["GET"])


async def _keep_time(till: Till) -> None:
    while True:
        till.pass_time()
        await asyncio.sleep(TICK_SECONDS)


async def _lasting(work: Callable[[], Awaitable[None]]) -> None:
    """A loop that ended would be a provider that fell silent and still answers calls."""
    while True:
        try:
            await work()
        except Exception as error:
            log.exception("provider_loop_failed", error=type(error).__name__)
            await asyncio.sleep(LOOP_PAUSE_SECONDS)


async def _problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return error.response()
