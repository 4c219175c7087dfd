"""What the cashier's pages tell a browser: load nothing, be framed by nobody, name no address."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Where a form may lead is left open: paying leads back to the merchant.
_PAGES = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
        b" frame-ancestors 'none'",
    ),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class PageHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"x-content-type-options", b"nosniff")]
                if dict(headers).get(b"content-type", b"").startswith(b"text/html"):
                    headers += _PAGES
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, dressed)
