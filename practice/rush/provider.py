"""The practice provider, as payers and whoever disturbs it call it."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from practice.rush.http import Answer, HttpClient

# Not among them: paying in the moment of the close, after which a cancelled order is a paid one.
CHAOS: Mapping[str, object] = {
    "duplicate": 0.3,
    "drop": 0.1,
    "delay_seconds": [0, 1],
    "reorder": 0.2,
    "tamper_amount": 0.1,
    "tamper_app": 0.1,
    "bad_signature": 0.1,
    "fail_calls": 0.1,
}


class ProviderClient:
    """Each call raises Unreachable when no answer came."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def open(self, url: str) -> Answer:
        """What the browser does with the shop's redirect."""
        parts = urlsplit(url)
        return await self._http.request("GET", f"{parts.path}?{parts.query}")

    async def pay(self, out_trade_no: str, url: str) -> Answer:
        """`url`: the redirect that leads to the cashier; empty where a code was scanned."""
        path = f"/trades/{quote(out_trade_no)}/pay"
        return await self._http.request("POST", path, body={"url": url or None})

    async def misbehave(self, switches: Mapping[str, object]) -> Answer:
        """From now on, in these ways and no others."""
        return await self._http.request("PUT", "/control", body=switches)

    async def lose_notices(self, out_trade_no: str) -> Answer:
        """Make the provider forget to tell the shop about this trade."""
        path = f"/trades/{quote(out_trade_no)}/control"
        return await self._http.request("PUT", path, body={"drop": 1.0})
