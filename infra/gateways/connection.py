"""One provider's pooled connections: what can go wrong on the way becomes TryLater here."""

import asyncio
from collections.abc import Mapping

import httpx
import structlog

from domain.gateway_errors import TryLater
from infra.trusted_roots import trusted_roots

log = structlog.get_logger()


class ProviderConnection:
    """Sends requests with one deadline for the whole exchange. Never retries: callers know
    which calls may be repeated."""

    def __init__(
        self,
        provider: str,
        timeout_seconds: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.provider = provider
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
            headers={"User-Agent": "seckill/1"},
            transport=transport,
            verify=trusted_roots(),
        )

    def request(
        self,
        verb: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        return self._client.build_request(
            verb, url, params=query, data=form, content=content, headers=headers
        )

    async def send(self, request: httpx.Request, *, operation: str, subject: str) -> httpx.Response:
        """Raises TryLater for no answer, and for an answer that is no answer (redirect, 5xx)."""
        try:
            # httpx times each read; a provider that drips would hold a caller for ever.
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._client.send(request)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self.later(operation, subject, type(error).__name__) from error
        if response.status_code >= 500 or response.is_redirect:
            raise self.later(operation, subject, f"HTTP {response.status_code}")
        return response

    def later(self, operation: str, subject: str, what: str) -> TryLater:
        """The error to raise when the outcome is unknown; it is logged here, once."""
        log.warning(
            "provider_call_failed",
            provider=self.provider,
            operation=operation,
            subject=subject,
            what=what,
        )
        return TryLater(f"{self.provider} {operation}: {what}")

    async def aclose(self) -> None:
        await self._client.aclose()
