"""Alipay's gateway: one address for every call, which is named by `method`."""

from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from practice.provider import alipay_wire as wire
from practice.provider.alipay_calls import AlipayCalls, Parameters, content_of, refused_offer
from practice.provider.alipay_wire import BadRequest, Fields, business_failed, invalid
from practice.provider.bills import BillFiles
from practice.provider.book import Provider, Scene, Trade, TradeStatus
from practice.provider.calls import answer_or_mishap
from practice.provider.cashier import Cashier, error_page
from practice.provider.keys import Keys
from practice.provider.trading import Refused, Trading, Why

_UNKNOWN_CALLER = invalid("isv.invalid-app-id", "无效的AppID参数")
PAGE_PAY = "alipay.trade.page.pay"


class Alipay:
    """Lets in what the merchant signed, and signs what goes out."""

    def __init__(
        self, keys: Keys, trading: Trading, cashier: Cashier, bill_files: BillFiles
    ) -> None:
        self._keys = keys
        self._trading = trading
        self._cashier = cashier
        self._bill_files = bill_files
        self._calls = AlipayCalls(keys.accounts.seller_id, trading, bill_files)

    def routes(self) -> list[Route]:
        return [
            Route("/alipay/gateway.do", self.gateway, methods=["GET", "POST"]),
            Route("/alipay/bills/{token}", self.bill_file, methods=["GET"]),
        ]

    async def gateway(self, request: Request) -> Response:
        # Some SDKs put the common parameters into the address and only biz_content into the body.
        parameters = _parsed(request.url.query, (await request.body()).decode("ascii", "replace"))
        base = str(request.base_url).rstrip("/")
        self._trading.pass_time()
        if parameters.get("method") == PAGE_PAY:
            return self._page(parameters, base)
        named = str(content_of(parameters).get("out_trade_no", ""))
        controls = self._trading.controls

        def answer() -> Response:
            unknown = controls.happens(controls.of(named).unknown_caller)
            fault = _UNKNOWN_CALLER if unknown else self._fault(parameters)
            return self._answer(parameters, base, fault)

        return await answer_or_mishap(request, controls, named, answer)

    async def bill_file(self, request: Request) -> Response:
        content = self._bill_files.find(request.path_params["token"])
        if content is None:
            return Response("expired", 403)
        return Response(content, media_type="application/zip")

    def open_page(self, url: str) -> Trade:
        """What the buyer's browser does with the merchant's redirect. Raises BadRequest, or
        Refused if the charge contradicts an earlier one of this number."""
        return self._opened(_parsed(urlsplit(url).query))

    def _page(self, parameters: Parameters, base: str) -> Response:
        try:
            return self._cashier.page(self._opened(parameters), base)
        except BadRequest as error:
            return HTMLResponse(error_page(f"无法打开收银台:{error}"), 400)
        except Refused as refusal:
            return HTMLResponse(error_page(refused_offer(refusal)[1]), 400)

    def _opened(self, parameters: Parameters) -> Trade:
        if fault := self._fault(parameters):
            raise BadRequest(str(fault["sub_msg"]))
        offer = self._calls.offer(parameters, Scene.PAGE)
        try:
            trade = self._trading.offer(offer, TradeStatus.WAITING)
        except Refused as refusal:
            # A page that is paid or closed can still be looked at.
            standing = self._trading.book.trade(Provider.ALIPAY, offer.out_trade_no)
            if standing is None or refusal.why is Why.DIFFERS:
                raise
            return standing
        return self._trading.book.mark_opened(trade)

    def _answer(self, parameters: Parameters, base: str, fault: Fields | None) -> Response:
        method = parameters.get("method", "")
        call = self._calls.named(method)
        if call is None:
            method, node = "", fault or invalid("isv.invalid-method", "不存在的方法名")
        elif fault:
            node = fault
        else:
            try:
                node = call(parameters, base)
            except BadRequest as error:
                node = business_failed("ACQ.INVALID_PARAMETER", f"参数无效:{error}")
        charset = wire.charset_of(parameters)
        # Whom it does not know it signs nothing for.
        text = wire.response(method, node, None if fault else self._keys.alipay_provider, charset)
        return Response(text, media_type=f"text/html;charset={charset}")

    def _fault(self, parameters: Parameters) -> Fields | None:
        if parameters.get("app_id") != self._keys.accounts.app_id:
            return _UNKNOWN_CALLER
        right = parameters.get("sign_type") == "RSA2" and wire.is_signed(
            parameters, self._keys.alipay_app
        )
        return None if right else invalid("isv.invalid-signature", "验签出错")


def _parsed(*texts: str) -> Parameters:
    """The parameters of an address and a form, read in the charset that one of them names."""
    named = {name: value for text in texts for name, value in parse_qsl(text, errors="replace")}
    charset = wire.charset_of(named)
    return {
        name: value for text in texts
        for name, value in parse_qsl(text, keep_blank_values=True, encoding=charset)
    }  # fmt: skip
