"""What no real provider offers: look into its book, press its buttons, set its switches."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from practice.provider.alipay import Alipay
from practice.provider.alipay_wire import BadRequest
from practice.provider.book import Provider, Trade, TradeStatus
from practice.provider.control import Switches
from practice.provider.keys import Keys
from practice.provider.notice_queue import NoticeKind
from practice.provider.notice_sender import NoticeSender, latest
from practice.provider.trading import Refused, Trading

PAGE_SIZE = 500
UNOPENED = (
    "the provider does not know this trade: an Alipay page is known once the buyer has opened it; "
    'open the redirect address in a browser, or send it along as {"url": "..."}'
)


class Problem(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def response(self) -> Response:
        content = {
            "type": "about:blank", "title": self.code.replace("_", " ").capitalize(),
            "status": self.status, "detail": self.detail, "code": self.code,
        }  # fmt: skip
        return JSONResponse(content, self.status, media_type="application/problem+json")


class Opening(BaseModel):
    """`url`: the redirect the merchant gave the buyer, to be opened first."""

    url: str | None = None


class TradeLine(BaseModel):
    """A line of the book. `amount`, `paid`, `refunded` in fen."""

    provider: Provider
    out_trade_no: str
    trade_no: str | None
    subject: str
    amount: int
    paid: int
    refunded: int
    status: TradeStatus


class BookPage(BaseModel):
    trades: list[TradeLine]
    next_cursor: str | None


class NoticeAnswer(BaseModel):
    """What the merchant said; `status_code` is null when it did not answer."""

    kind: NoticeKind
    acknowledged: bool
    status_code: int | None
    body: str


class BookApi:
    def __init__(self, keys: Keys, trading: Trading, sender: NoticeSender, alipay: Alipay) -> None:
        self._keys = keys
        self._trading = trading
        self._sender = sender
        self._alipay = alipay

    def router(self) -> APIRouter:
        router = APIRouter()
        router.get("/book")(self.book)
        router.get("/control")(self.control)
        router.put("/control")(self.put_control)
        router.post("/keys/rotate")(self.rotate)
        router.get("/trades/{out_trade_no}")(self.trade)
        router.post("/trades/{out_trade_no}/pay")(self.pay)
        router.post("/trades/{out_trade_no}/finish")(self.finish)
        router.post("/trades/{out_trade_no}/notify")(self.notify)
        router.get("/trades/{out_trade_no}/control")(self.trade_control)
        router.put("/trades/{out_trade_no}/control")(self.put_trade_control)
        return router

    async def book(
        self,
        cursor: Annotated[str, Query(pattern=r"^\d{0,18}$")] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE_SIZE)] = PAGE_SIZE,
    ) -> BookPage:
        self._trading.pass_time()
        trades = self._trading.book.page(int(cursor or 0), limit + 1)
        more = len(trades) > limit
        next_cursor = str(trades[limit - 1].id) if more else None
        return BookPage(trades=[line(trade) for trade in trades[:limit]], next_cursor=next_cursor)

    async def trade(self, out_trade_no: str, provider: Provider | None = None) -> TradeLine:
        self._trading.pass_time()
        return line(self._found(out_trade_no, provider))

    async def pay(
        self,
        out_trade_no: str,
        opening: Annotated[Opening | None, Body()] = None,
        provider: Provider | None = None,
    ) -> TradeLine:
        """Do what the cashier's Pay button does. Paid before: nothing changes, the same answer."""
        self._trading.pass_time()
        if opening and opening.url:
            try:
                opened = self._alipay.open_page(opening.url)
            except (BadRequest, Refused) as error:
                detail = f"the address does not open: {error}"
                raise Problem(400, "NOT_OPENED", detail) from error
            if opened.out_trade_no != out_trade_no:
                raise Problem(400, "NOT_OPENED", "the address is of another trade")
        try:
            return line(self._trading.pay(self._found(out_trade_no, provider)))
        except Refused as refusal:
            raise Problem(409, "TRADE_CLOSED", "the trade can no longer be paid") from refusal

    async def finish(self, out_trade_no: str, provider: Provider | None = None) -> TradeLine:
        """End the refund window of a paid Alipay trade: TRADE_FINISHED is sent."""
        trade = self._found(out_trade_no, provider)
        if trade.provider != Provider.ALIPAY:
            raise Problem(409, "NOT_ALIPAY", "only Alipay finishes trades")
        try:
            return line(self._trading.finish(trade))
        except Refused as refusal:
            raise Problem(409, "NOT_PAID", "only a paid trade can be finished") from refusal

    async def notify(
        self, out_trade_no: str, kind: NoticeKind | None = None, provider: Provider | None = None
    ) -> NoticeAnswer:
        """Send the trade's latest notice (of this kind) once more, and wait for the answer."""
        self._trading.pass_time()
        trade = self._found(out_trade_no, provider)
        notice = latest(self._trading.notices.of_trade(trade), kind)
        if notice is None:
            raise Problem(409, "NO_NOTICE", "nothing has happened that a notice could tell")
        answer = await self._sender.resend(notice)
        return NoticeAnswer(
            kind=notice.event.kind, acknowledged=answer.acknowledged,
            status_code=answer.status_code, body=answer.body,
        )  # fmt: skip

    async def control(self) -> Switches:
        return self._trading.controls.overall()

    async def put_control(self, switches: Switches) -> Switches:
        return self._trading.controls.put(switches)

    async def trade_control(self, out_trade_no: str) -> Switches:
        return self._trading.controls.of(out_trade_no)

    async def put_trade_control(self, out_trade_no: str, switches: Switches) -> Switches:
        """Switches named here go before those for all; the trade need not be known yet."""
        return self._trading.controls.put(switches, out_trade_no)

    async def rotate(self) -> dict[str, Any]:
        """A new WeChat Pay key; the old one keeps verifying what it signed."""
        return {"platform_serial": self._keys.rotate()}

    def _found(self, out_trade_no: str, provider: Provider | None) -> Trade:
        trades = [
            trade for trade in self._trading.book.named(out_trade_no)
            if provider in (None, trade.provider)
        ]  # fmt: skip
        if not trades:
            raise Problem(404, "NOT_FOUND", UNOPENED)
        if len(trades) > 1:
            raise Problem(409, "AMBIGUOUS", "both providers have this number: add ?provider=")
        return trades[0]


def line(trade: Trade) -> TradeLine:
    # WeChat Pay gives a number only to money it has taken, Alipay to a trade that was opened.
    hidden = (
        trade.paid_at is None
        if trade.provider == Provider.WECHATPAY
        else trade.status == TradeStatus.OFFERED
    )
    return TradeLine(
        provider=Provider(trade.provider),
        out_trade_no=trade.out_trade_no,
        trade_no=None if hidden else trade.trade_no,
        subject=trade.subject,
        amount=trade.amount,
        paid=trade.amount if trade.paid else 0,
        refunded=trade.refunded,
        status=TradeStatus(trade.status),
    )
