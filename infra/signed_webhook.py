"""What is posted to a system of the shop's owner, signed so that it can trust it.

The receiver computes HMAC-SHA256 over `timestamp`, a dot and the raw body with the shared
secret, compares it with the signature in constant time, refuses old timestamps, and takes each
Idempotency-Key once.
"""

import asyncio
import hashlib
import hmac
import time

import httpx

from infra.trusted_roots import trusted_roots

TIMESTAMP_HEADER = "Seckill-Timestamp"
SIGNATURE_HEADER = "Seckill-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
SCHEME = "v1="


class NotTaken(Exception):
    """It may or may not have arrived; posting it again under its key is harmless."""


class SignedWebhook:
    def __init__(self, url: str, secret: bytes, timeout_seconds: float) -> None:
        self._url = url
        self._secret = secret
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds),
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
            headers={"User-Agent": "seckill/1", "Content-Type": "application/json"},
            verify=trusted_roots(),
        )

    async def post(self, key: str, body: bytes) -> None:
        """Any 2xx is taken for an answer, nothing else is: raises NotTaken."""
        try:
            # httpx times each read; a receiver that drips would hold us for ever.
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._client.send(self._signed(key, body))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise NotTaken(type(error).__name__) from error
        if not response.is_success:
            raise NotTaken(f"HTTP {response.status_code}")

    async def aclose(self) -> None:
        await self._client.aclose()

    def _signed(self, key: str, body: bytes) -> httpx.Request:
        timestamp = str(int(time.time()))
        headers = {
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: SCHEME + sign(self._secret, timestamp, body),
            IDEMPOTENCY_HEADER: key,
        }
        return self._client.build_request("POST", self._url, content=body, headers=headers)


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
