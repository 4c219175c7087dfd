"""Which pages of other origins may call from a browser: those that are named, and no cookies."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answer_headers import Header
from api.methods import ASKED
from infra.settings import Settings, UnusableSetting

# As browsers write it: no path, no slash at the end, and a port only where it is not the usual one.
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+", re.ASCII)
PREFLIGHT_SECONDS = 600
_PREFLIGHT = {
    "Access-Control-Allow-Methods": ", ".join(ASKED),
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
}
# Of the others a page may read the usual ones only.
_SHOWN = "Allow, Accept-Post, Location, Retry-After, WWW-Authenticate"
# Also where nobody asked: what a cache keeps of one origin is not for another.
VARY: Header = (b"vary", b"Origin")


def named_origins(settings: Settings) -> frozenset[str]:
    """Raises UnusableSetting for what is no origin. `*` is none: with it, whatever page somebody
    of the shop looks at could call an API that only their network reaches."""
    origins = frozenset(settings.cors_origins.replace(",", " ").split())
    for origin in sorted(origins):
        if not _ORIGIN.fullmatch(origin):
            raise UnusableSetting(
                f"SECKILL_CORS_ORIGINS: {origin!r} is no origin as browsers write it,"
                " such as https://shop.example or http://localhost:5173"
            )
    return origins


class CrossOrigin:
    """Outside of the edge, so that refusals can be read by the page as well."""

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        origin = asked.get("origin", "")
        is_named = origin in self._origins
        if is_named and scope["method"] == "OPTIONS" and "access-control-request-method" in asked:
            await _answer_preflight(send, origin)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header(VARY[1].decode())
                if is_named:
                    message["headers"] = [*headers.raw, *shown_to(origin)]
            await send(message)

        await self._app(scope, receive, told)


def shown_to(origin: str) -> tuple[Header, ...]:
    """What lets a page of this origin read an answer."""
    return (
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-expose-headers", _SHOWN.encode()),
    )


async def _answer_preflight(send: Send, origin: str) -> None:
    headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **_PREFLIGHT}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
