"""Which pages of other origins may call from a browser: those that are named, and no cookies."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.methods import ASKED
from infra.settings import Settings, UnusableSetting

# As browsers write it: no path, no slash at the end, and a port only where it is not the usual one.
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+", re.ASCII)
PREFLIGHT_SECONDS = 600
_PREFLIGHT = {
    "Access-Control-Allow-Methods": ", ".join(ASKED),
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
}
# Of the others a page may read the usual ones only.
_SHOWN = "Allow, Accept-Post, Location, Retry-After, WWW-Authenticate"


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
            allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **_PREFLIGHT}
            raw = [(name.lower().encode(), value.encode()) for name, value in allowed.items()]
            await send({"type": "http.response.start", "status": 204, "headers": raw})
            await send({"type": "http.response.body", "body": b""})
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Also where nobody asked: what a cache keeps of one origin is not for another.
                headers.add_vary_header("Origin")
                if is_named:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = _SHOWN
            await send(message)

        await self._app(scope, receive, told)
