"""Calls of WeChat Pay's API v3: signed on the way out, verified on the way back."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    BillNotReady,
    Declined,
    GatewayError,
    TradeNotFound,
    TryLater,
)
from domain.notice import Verdict
from infra.gateways.connection import ProviderConnection
from infra.gateways.wechatpay.wire import Merchant, PlatformKeys, authenticity
from infra.gateways.wire import WireModel

# Codes are spelled with and without underscores in different places of the documentation.
_ERRORS: Mapping[str, type[GatewayError]] = {
    "ORDERPAID": AlreadyPaid,
    "ORDERCLOSED": AlreadyClosed,
    "ORDERNOTEXIST": TradeNotFound,
    "RESOURCENOTEXISTS": TradeNotFound,
    "SYSTEMERROR": TryLater,
    "BANKERROR": TryLater,
    "FREQUENCYLIMITED": TryLater,
    "FREQUENCYLIMITEXCEED": TryLater,
    "RATELIMITEXCEEDED": TryLater,
    "STATEMENTCREATING": BillNotReady,
}


class NoStatement(Declined):
    """There is no statement of that day: not yet, or because nothing was traded."""


class _Refusal(WireModel):
    code: str = ""


Answer = TypeVar("Answer", bound=WireModel)


class WechatPayApi:
    def __init__(
        self,
        connection: ProviderConnection,
        gateway_url: str,
        merchant: Merchant,
        keys: PlatformKeys,
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._gateway_url = gateway_url.rstrip("/")
        self._merchant = merchant
        self._keys = keys
        self._clock = clock

    async def get(
        self, path: str, query: Mapping[str, str], answer: type[Answer], *, subject: str
    ) -> Answer:
        request = self._connection.request("GET", self._gateway_url + path, query=query)
        return self._read(await self._exchange(request, subject), answer, path, subject)

    async def post(
        self, path: str, message: Mapping[str, object], answer: type[Answer], *, subject: str
    ) -> Answer:
        response = await self._exchange(self._posted(path, message), subject)
        return self._read(response, answer, path, subject)

    async def order(self, path: str, message: Mapping[str, object], *, subject: str) -> None:
        """A call whose answer has no body (204)."""
        await self._exchange(self._posted(path, message), subject)

    async def download(self, address: str, subject: str) -> bytes:
        """A statement's file: asked for with a signature, answered without one."""
        request = self._signed(self._connection.request("GET", address))
        response = await self._connection.send(request, operation="download", subject=subject)
        if not response.is_success:
            raise self.later("download", subject, f"HTTP {response.status_code}")
        return response.content

    def later(self, operation: str, subject: str, what: str) -> TryLater:
        return self._connection.later(operation, subject, what)

    async def aclose(self) -> None:
        await self._connection.aclose()

    def _posted(self, path: str, message: Mapping[str, object]) -> httpx.Request:
        return self._connection.request(
            "POST",
            self._gateway_url + path,
            content=json.dumps(message, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
        )

    def _signed(self, request: httpx.Request) -> httpx.Request:
        request.headers["Accept"] = "application/json"
        request.headers["Authorization"] = self._merchant.authorization(
            request.method, request.url.raw_path.decode(), request.content, self._clock()
        )
        return request

    async def _exchange(self, request: httpx.Request, subject: str) -> httpx.Response:
        operation = f"{request.method} {urlsplit(str(request.url)).path}"
        response = await self._connection.send(
            self._signed(request), operation=operation, subject=subject
        )
        verdict = authenticity(response.headers, response.content, self._keys, self._clock())
        if verdict is not Verdict.ACCEPTED:
            # A refusal may change what we believe of a payment, so it needs a signature as well.
            raise self.later(operation, subject, f"HTTP {response.status_code}, {verdict} answer")
        if not response.is_success:
            raise self._refusal(response, operation, subject)
        return response

    def _refusal(self, response: httpx.Response, operation: str, subject: str) -> GatewayError:
        try:
            code = _Refusal.model_validate_json(response.content).code
        except ValueError:
            return self.later(operation, subject, f"HTTP {response.status_code}, unreadable")
        error = _error_for(code.replace("_", ""), response.status_code)
        if error is TryLater:
            return self.later(operation, subject, code)
        return error(f"wechatpay {operation}: {code}")

    def _read(
        self, response: httpx.Response, answer: type[Answer], operation: str, subject: str
    ) -> Answer:
        try:
            return answer.model_validate_json(response.content)
        except ValueError as error:
            raise self.later(operation, subject, "unreadable answer") from error


def _error_for(code: str, status: int) -> type[GatewayError]:
    if code == "NOSTATEMENTEXIST":
        return NoStatement
    if status == 429:
        return TryLater
    return _ERRORS.get(code, Declined)
