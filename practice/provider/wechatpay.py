"""WeChat Pay's API v3 over HTTP: what the merchant signed is let in, what goes out is signed."""

import json
import secrets
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
_UNKNOWN_SERIAL = Failure(400, "PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")


class WechatPay:
    def __init__(
        self, keys: Keys, trading: Trading, bill_files: BillFiles, *, pace_scale: float
    ) -> None:
        self._keys = keys
        self._trading = trading
        self._bill_files = bill_files
        self._calls = WechatPayCalls(keys.accounts, trading, bill_files, pace_scale=pace_scale)

    def routes(self) -> list[Route]:
        """Every call twice: SDKs sign `/v3/...` whatever host they call, so it is served at the
        root; beside Alipay's gateway WeChat Pay has a folder of its own."""
        trade = "/pay/transactions/out-trade-no/{out_trade_no}"
        refunds = "/refund/domestic/refunds"
        calls = (
            ("POST", "/pay/transactions/native", self.native),
            ("GET", "/pay/transactions/id/{transaction_id}", self.query_by_number),
            ("GET", trade, self.query),
            ("POST", f"{trade}/close", self.close),
            ("POST", refunds, self.refund),
            ("GET", refunds + "/{out_refund_no}", self.query_refund),
            ("GET", "/bill/tradebill", self.trade_bill),
            ("GET", "/billdownload/file", self.bill_file),
            ("GET", "/certificates", self.certificates),
        )
        return [
            Route(root + path, call, methods=[verb])
            for root in ("/v3", "/wechatpay/v3")
            for verb, path, call in calls
        ]

    async def native(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return await self._answer(request, lambda body: self._calls.create(body, base))

    async def query(self, request: Request) -> Response:
        number, mchid = request.path_params["out_trade_no"], request.query_params.get("mchid")
        return await self._answer(request, lambda _: self._calls.query(number, mchid), number)

    async def query_by_number(self, request: Request) -> Response:
        number, mchid = request.path_params["transaction_id"], request.query_params.get("mchid")
        return await self._answer(request, lambda _: self._calls.query_by_number(number, mchid))

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
            return _unsigned(failure)
        content = self._bill_files.find(request.query_params.get("token", ""))
        if content is None:
            fields = {"code": "RESOURCE_NOT_EXISTS", "message": "账单已过期"}
            return self._signed(404, fields, serial="")
        return Response(content, media_type="text/plain")

    async def certificates(self, request: Request) -> Response:
        fields = wire.certificates(self._keys.certificate, self._keys.api_v3_key)
        return await self._answer(request, lambda _: (200, fields))

    async def _answer(self, request: Request, call: Call, out_trade_no: str = "") -> Response:
        content = await request.body()
        self._trading.pass_time()
        body = _json_object(content)
        named = out_trade_no or str(body.get("out_trade_no", ""))
        controls = self._trading.controls
        switches = controls.of(named)

        def answer() -> Response:
            try:
                self._check_authorization(request, content)
                if controls.happens(switches.unknown_caller):
                    raise wire.UNKNOWN_CALLER
            except Failure as failure:
                # Whom it does not know it signs nothing for.
                return _unsigned(failure)
            asked = request.headers.get("wechatpay-serial", "")
            certified = not asked and controls.happens(switches.sign_by_certificate)
            serial = self._keys.certificate.serial if certified else asked
            return self._signed(*self._outcome(call, body, asked), serial=serial)

        return await answer_or_mishap(request, controls, named, answer)

    def _outcome(self, call: Call, body: Fields, asked_serial: str) -> tuple[int, Fields | None]:
        try:
            if asked_serial and self._keys.platform_key(asked_serial) is None:
                raise _UNKNOWN_SERIAL
            return call(body)
        except Refused as refusal:
            failure = refusal_as_failure(refusal)
        except Failure as error:
            failure = error
        return failure.status, failure.fields()

    def _signed(self, status: int, fields: Fields | None, *, serial: str) -> Response:
        body = wire.compact(fields) if fields is not None else b""
        headers = wire.signature_headers(self._keys, body, self._trading.clock(), serial=serial)
        return _response(body, status, headers)

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


def _unsigned(failure: Failure) -> Response:
    return _response(wire.compact(failure.fields()), failure.status, {})


def _response(body: bytes, status: int, headers: dict[str, str]) -> Response:
    headers = {"Request-ID": secrets.token_hex(16).upper()} | headers
    return Response(body, status, headers, "application/json" if body else None)


def _json_object(content: bytes) -> Fields:
    try:
        body = json.loads(content or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
