"""The public keys of whoever signs our buyers' tokens."""

import asyncio
import time

import httpx
import jwt
import structlog

from domain.errors import ErrorCode, Refusal
from infra.trusted_roots import trusted_roots

log = structlog.get_logger()

REFRESH_SECONDS = 600.0
# An unknown key id may be a new key or a forgery: forgeries must not make us call out each time.
RETRY_SECONDS = 5.0
FETCH_TIMEOUT_SECONDS = 3.0


class KeySet:
    """RSA keys by key id, fetched when first needed and again when an unknown id turns up."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._http = httpx.AsyncClient(
            timeout=FETCH_TIMEOUT_SECONDS, transport=transport, verify=trusted_roots()
        )
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """None for an id nobody signs with. Raises Refusal UNAVAILABLE while no key is known."""
        if key_id not in self._keys or time.monotonic() - self._fetched_at > REFRESH_SECONDS:
            await self._refresh()
        if not self._keys:
            raise Refusal(ErrorCode.UNAVAILABLE, "the keys to check your token cannot be had")
        return self._keys.get(key_id)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _refresh(self) -> None:
        async with self._fetching:
            if time.monotonic() - self._tried_at < RETRY_SECONDS:
                return
            self._tried_at = time.monotonic()
            try:
                answer = (await self._http.get(self._url)).raise_for_status()
                fetched = jwt.PyJWKSet.from_json(answer.text)
            except (httpx.HTTPError, jwt.PyJWTError, ValueError, AttributeError) as error:
                log.warning("jwks_unavailable", error=repr(error)[:200])
                return
            self._keys = {key.key_id: key for key in fetched if key.key_type == "RSA"}
            self._fetched_at = time.monotonic()
