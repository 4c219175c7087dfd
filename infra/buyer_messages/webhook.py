"""Messages posted to a system of the shop's owner, signed so that it can trust them.

The receiver computes HMAC-SHA256 over `timestamp`, a dot and the raw body with the shared
secret, compares it with the signature in constant time, refuses old timestamps, and takes each
Idempotency-Key once.
"""

import asyncio
import hashlib
import hmac
import time

import httpx
import structlog

from domain.buyer_message import Message
from infra.buyer_messages.protocol import MessageNotSent
from infra.trusted_roots import trusted_roots

log = structlog.get_logger()

TIMESTAMP_HEADER = "Seckill-Timestamp"
SIGNATURE_HEADER = "Seckill-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
SCHEME = "v1="


class WebhookSender:
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

    async def send(self, message: Message) -> str:
        """Any 2xx is taken for an answer, nothing else is."""
        try:
            # httpx times each read; a receiver that drips would hold us for ever.
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._client.send(self._signed(message))
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._not_sent(message, type(error).__name__) from error
        if not response.is_success:
            raise self._not_sent(message, f"HTTP {response.status_code}")
        return "taken by the webhook"

    async def aclose(self) -> None:
        await self._client.aclose()

    def _signed(self, message: Message) -> httpx.Request:
        body = message.model_dump_json().encode()
        timestamp = str(int(time.time()))
        headers = {
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: SCHEME + sign(self._secret, timestamp, body),
            IDEMPOTENCY_HEADER: message.message_id,
        }
        return self._client.build_request("POST", self._url, content=body, headers=headers)

    def _not_sent(self, message: Message, what: str) -> MessageNotSent:
        name, topic = message.message_id, message.topic
        log.warning("message_not_sent", message_id=name, topic=topic, what=what)
        return MessageNotSent(f"webhook: {what}")


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
