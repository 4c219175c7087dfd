"""The buyer's page: what is paid for, how much, and one button."""

from html import escape
from string import Template

import segno
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from practice.provider import alipay_wire
from practice.provider.book import PAYABLE, Provider, Scene, Trade, beijing, to_yuan
from practice.provider.keys import Keys
from practice.provider.trading import Refused, Trading

_NAMES = {Provider.ALIPAY: "支付宝", Provider.WECHATPAY: "微信支付"}
_COLOURS = {Provider.ALIPAY: "#1677ff", Provider.WECHATPAY: "#07a35a"}
_PAGE = Template("""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>$name · 收银台</title>
<style>
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:#f3f4f6;color:#1f2329;display:flex;
 flex-direction:column;align-items:center;
 font:16px/1.5 system-ui,-apple-system,"PingFang SC","Noto Sans CJK SC",sans-serif}
header{width:100%;padding:20px;text-align:center;color:#fff;background:$colour;font-size:18px}
header small{display:block;font-size:13px}
main{width:calc(100% - 32px);max-width:400px;margin:20px 16px;padding:28px 24px;background:#fff;
 border-radius:16px;box-shadow:0 2px 16px rgba(0,0,0,.06);text-align:center}
h1{margin:0;font-size:16px;font-weight:500;overflow-wrap:anywhere}
.amount{margin:8px 0 20px;font-size:44px;font-weight:600;font-variant-numeric:tabular-nums}
.amount i{font-style:normal;font-size:26px;margin-right:4px}
.qr svg{width:180px;height:180px}
.qr p{margin:4px 0 20px;color:#646a73;font-size:13px}
button,a.back{display:block;width:100%;padding:14px;border:0;border-radius:12px;font:inherit;
 font-weight:600;color:#fff;background:$colour;text-decoration:none;cursor:pointer}
button:focus-visible,a.back:focus-visible{outline:3px solid #1f2329;outline-offset:2px}
.state{margin:0 0 20px;font-size:18px;font-weight:600;color:$tone}
dl{margin:24px 0 0;padding-top:16px;border-top:1px solid #ebedf0;display:grid;gap:6px 12px;
 grid-template-columns:auto 1fr;font-size:13px;text-align:left}
dt{color:#646a73}dd{margin:0;text-align:right;overflow-wrap:anywhere}
footer{padding:0 16px 24px;color:#646a73;font-size:12px;text-align:center}
</style></head>
<body><header>$name<small>练习收银台 · Practice cashier</small></header>
<main>$content</main>
<footer>没有真实扣款。No real money moves here.</footer></body></html>""")


class Cashier:
    def __init__(self, keys: Keys, trading: Trading) -> None:
        self._keys = keys
        self._trading = trading

    def routes(self) -> list[Route]:
        return [
            Route("/cashier/{code}", self.show, methods=["GET"]),
            Route("/cashier/{code}/pay", self.pay, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        trade = self._found(request)
        if trade is None:
            return HTMLResponse(error_page("没有这笔交易"), 404)
        return self.page(self._trading.book.mark_opened(trade), str(request.base_url).rstrip("/"))

    async def pay(self, request: Request) -> Response:
        """The Pay button: then back to the merchant, or to this page, which says what is."""
        trade = self._found(request)
        if trade is None:
            return HTMLResponse(error_page("没有这笔交易"), 404)
        try:
            trade = self._trading.pay(trade)
        except Refused:
            return RedirectResponse(f"/cashier/{trade.code}", 303)
        return RedirectResponse(self._way_back(trade) or f"/cashier/{trade.code}", 303)

    def page(self, trade: Trade, base: str) -> Response:
        colour = _COLOURS[Provider(trade.provider)]
        tone = "#0a7d43" if trade.paid else "#a23b00"
        content = (
            f'<h1>{escape(trade.subject)}</h1><p class="amount"><i>¥</i>{to_yuan(trade.amount)}</p>'
        )
        name, at = ("付款时间", trade.paid_at) if trade.paid_at else ("付款截止", trade.expires_at)
        lines = (("商户订单号", trade.out_trade_no), (name, f"{beijing(at)} (UTC+8)"))
        details = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in lines)
        content += self._what_can_be_done(trade, base) + f"<dl>{details}</dl>"
        return HTMLResponse(_filled(_NAMES[Provider(trade.provider)], colour, tone, content))

    def _what_can_be_done(self, trade: Trade, base: str) -> str:
        if trade.paid:
            back = self._way_back(trade)
            link = f'<a class="back" href="{escape(back)}">返回商家 · Back to the shop</a>'
            return '<p class="state">✓ 支付成功 · Paid</p>' + (link if back else "")
        if trade.status not in PAYABLE or trade.expires_at <= self._trading.clock():
            return '<p class="state">交易已关闭 · This trade is closed</p>'
        button = f"立即付款 · Pay ¥{to_yuan(trade.amount)}"
        action = f"/cashier/{trade.code}/pay"
        form = f'<form method="post" action="{action}"><button>{button}</button></form>'
        if trade.scene != Scene.QR:
            return form
        url = f"{base}/cashier/{trade.code}"
        image = segno.make(url, error="m").svg_inline(scale=5, border=1, omitsize=True)
        hint = "扫码，或直接点下面 · Scan, or press the button"
        return f'<div class="qr">{image}<p>{hint}</p></div>' + form

    def _way_back(self, trade: Trade) -> str:
        if trade.provider != Provider.ALIPAY or not trade.return_url:
            return ""
        key, now = self._keys.alipay_provider, self._trading.clock()
        return alipay_wire.return_url(trade, self._keys.accounts, key, now)

    def _found(self, request: Request) -> Trade | None:
        self._trading.pass_time()
        return self._trading.book.by_code(request.path_params["code"])


def error_page(message: str) -> str:
    return _filled("收银台", "#646a73", "#a23b00", f'<p class="state">{escape(message)}</p>')


def _filled(name: str, colour: str, tone: str, content: str) -> str:
    return _PAGE.substitute(name=name, colour=colour, tone=tone, content=content)
