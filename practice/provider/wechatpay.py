"""WeChat Pay's API v3 over HTTP: what the merchant signed is let in, what goes out is signed."""

import json
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice.provider import wechatpay_wire as wire
from practice.provider.bills import BillFiles
from practice.provider.calls import answer_or_mishap
from practice.provider.keys import Keys
from practice.provider.trading import Refused, Trading
from practice.provider.wechatpay_calls import WechatPayCalls, refusal_as_failure
from practice.provider.wechatpay_wire import Failure, Fields

Call = Callable[[Fields], tuple[int, Fields | None]]


class WechatPay:
    def __init__(
        self, keys: Keys, trading: Trading, bill_files: BillFiles, *, pace_scale: float
    ) -> None:
        self._keys = keys
        self._trading = trading
        self._bill_files = bill_files
        self._calls = WechatPayCalls(keys.accounts, trading, bill_files, pace_scale=pace_scale)

    def routes(self) -> list[Route]:
        trades = "/wechatpay/v3/pay/transactions"
        trade = trades + "/out-trade-no/{out_trade_no}"
        refunds = "/wechatpay/v3/refund/domestic/refunds"
        return [
            Route(f"{trades}/native", self.native, methods=["POST"]),
            Route(trade, self.query, methods=["GET"]),
            Route(f"{trade}/close", self.close, methods=["POST"]),
            Route(refunds, self.refund, methods=["POST"]),
            Route(refunds + "/{out_refund_no}", self.query_refund, methods=["GET"]),
            Route("/wechatpay/v3/bill/tradebill", self.trade_bill, methods=["GET"]),
            Route("/wechatpay/v3/billdownload/file", self.bill_file, methods=["GET"]),
        ]

    async def native(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return await self._answer(request, lambda body: self._calls.create(body, base))

    async def query(self, request: Request) -> Response:
        number, mchid = request.path_params["out_trade_no"], request.query_params.get("mchid")
        return await self._answer(request, lambda _: self._calls.query(number, mchid), number)

    async def close(self, request: Request) -> Response:
        number = request.path_params["out_trade_no"]
        return await self._answer(
            request, lambda body: self._calls.close(number, body.get("mchid")), number
        )

    async def refund(self, request: Request) -> Response:
        return await self._answer(request, self._calls.refund)

    async def query_refund(self, request: Request) -> Response:
        number = request.path_params["out_refund_no"]
        # Switches are set for a trade, and this call names only its refund.
        trade = self._calls.trade_of_refund(number)
        return await self._answer(
            request,
            lambda _: self._calls.query_refund(number),
            trade.out_trade_no if trade else "",
        )

    async def trade_bill(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        asked = dict(request.query_params)
        return await self._answer(request, lambda _: self._calls.bill(asked, base))

    async def bill_file(self, request: Request) -> Response:
        """The file itself: the call is signed, its answer is not (its hash is known)."""
        try:
            self._check_authorization(request, b"")
        except Failure as failure:
            return self._signed(failure.status, failure.fields())
        content = self._bill_files.find(request.query_params.get("token", ""))
        if content is None:
            return self._signed(404, {"code": "RESOURCE_NOT_EXISTS", "message": "账单已过期"})
        return Response(content, media_type="text/plain")

    async def _answer(self, request: Request, call: Call, out_trade_no: str = "") -> Response:
        content = await request.body()
        self._trading.pass_time()
        body = _json_object(content)

        def answer() -> Response:
            try:
                self._check_authorization(request, content)
                return self._signed(*call(body))
            except Refused as refusal:
                failure = refusal_as_failure(refusal)
            except Failure as error:
                failure = error
            return self._signed(failure.status, failure.fields())

        named = out_trade_no or str(body.get("out_trade_no", ""))
        return await answer_or_mishap(request, self._trading.controls, named, answer)

    def _signed(self, status: int, fields: Fields | None) -> Response:
        body = wire.compact(fields) if fields is not None else b""
        headers = wire.signature_headers(self._keys, body, self._trading.clock())
        media_type = "application/json" if body else None
        return Response(body, status, headers=headers, media_type=media_type)

    def _check_authorization(self, request: Request, body: bytes) -> None:
        # The signature is over path and query as they were sent, escapes and all.
        url = request.scope["raw_path"].decode("ascii")
        if request.url.query:
            url += f"?{request.url.query}"
        wire.check_authorization(
            request.headers.get("authorization", ""), request.method, url, body,
            accounts=self._keys.accounts, merchant=self._keys.wechatpay_merchant,
            now=self._trading.clock(),
        )  # fmt: skip


def _json_object(content: bytes) -> Fields:
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
