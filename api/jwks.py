"""The public keys of whoever signs our buyers' tokens."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpx
import jwt
import structlog

from domain.errors import ErrorCode, Refusal
from infra.trusted_roots import trusted_roots

log = structlog.get_logger()

# A key that its owner withdrew is asked for here no longer; what `auth` remembers comes on top.
REFRESH_SECONDS = 180.0
# How long the keys of a set that cannot be had are still believed. Long enough for an outage of
# whoever signs tokens, and no longer: nobody could withdraw a key from us meanwhile.
BELIEVED_SECONDS = 3600.0
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
        """None for an id nobody signs with. Raises Refusal UNAVAILABLE while the set cannot be had
        and was not had for an hour."""
        if key_id not in self._keys or self._age() > REFRESH_SECONDS:
            await self._refresh()
        if self._age() > BELIEVED_SECONDS:
            raise Refusal(ErrorCode.UNAVAILABLE, "the keys to check your token cannot be had")
        return self._keys.get(key_id)

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _refresh(self) -> None:
        async with self._fetching:
            if time.monotonic() - self._tried_at < RETRY_SECONDS:
                return
            self._tried_at = time.monotonic()
            try:
                answer = (await self._http.get(self._url)).raise_for_status()
                self._keys = _rsa_keys(answer.json()["keys"])
            except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
                log.warning("jwks_unavailable", error=repr(error)[:200])
                return
            self._fetched_at = time.monotonic()


def _rsa_keys(entries: Iterable[dict[str, Any]]) -> dict[str | None, jwt.PyJWK]:
    """Those that sign; what we cannot read is no key of ours. None at all is an answer too: then
    every key was withdrawn."""
    keys: dict[str | None, jwt.PyJWK] = {}
    for entry in entries:
        with suppress(jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError):
            if entry["kty"] == "RSA" and entry.get("use", "sig") == "sig":
                key = jwt.PyJWK(entry)
                if key.algorithm_name == "RS256":
                    keys[key.key_id] = key
    return keys
