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
    BuyerIsPaying,
    Declined,
    GatewayError,
    TradeNotFound,
    TryLater,
)
from domain.notice import Verdict
from infra.gateways.connection import ProviderConnection
from infra.gateways.provider_api import NoBill, ProviderApi
from infra.gateways.wechatpay.wire import Merchant, PlatformKeys, authenticity
from infra.gateways.wire import WireModel, unverified

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
    # It comes under 202, a success by the class of its status, with an error's body.
    "USERPAYING": BuyerIsPaying,
    "STATEMENTCREATING": BillNotReady,
    "NOSTATEMENTEXIST": NoBill,
}


_OK, _DONE = 200, 204


class _Refusal(WireModel):
    code: str = ""


Answer = TypeVar("Answer", bound=WireModel)


class WechatPayApi(ProviderApi):
    def __init__(
        self,
        connection: ProviderConnection,
        gateway_url: str,
        merchant: Merchant,
        keys: PlatformKeys,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(connection)
        self._gateway_url = gateway_url.rstrip("/")
        self._merchant = merchant
        self._keys = keys
        self._clock = clock

    async def get(
        self, path: str, query: Mapping[str, str], answer: type[Answer], *, subject: str
    ) -> Answer:
        request = self._connection.request("GET", self._gateway_url + path, query=query)
        return self._read(await self._exchange(request, subject, _OK), answer, path, subject)

    async def post(
        self, path: str, message: Mapping[str, object], answer: type[Answer], *, subject: str
    ) -> Answer:
        response = await self._exchange(self._posted(path, message), subject, _OK)
        return self._read(response, answer, path, subject)

    async def instruct(self, path: str, message: Mapping[str, object], *, subject: str) -> None:
        """A call whose answer has no body: 204 and nothing else says that it is done."""
        await self._exchange(self._posted(path, message), subject, _DONE)

    async def download(self, address: str, subject: str) -> bytes:
        return await self.fetch(self._signed(self._connection.request("GET", address)), subject)

    def _posted(self, path: str, message: Mapping[str, object]) -> httpx.Request:
        return self._connection.request(
            "POST",
            self._gateway_url + path,
            content=json.dumps(message, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
        )

    def _signed(self, request: httpx.Request) -> httpx.Request:
        request.headers["Accept"] = "application/json"
        # Or a merchant who moves from certificates to the public key is answered under the old.
        if key_id := self._keys.asked_for():
            request.headers["Wechatpay-Serial"] = key_id
        request.headers["Authorization"] = self._merchant.authorization(
            request.method, request.url.raw_path.decode(), request.content, self._clock()
        )
        return request

    async def _exchange(
        self, request: httpx.Request, subject: str, expected: int
    ) -> httpx.Response:
        """The answer under `expected`, the one status that says the call was carried out."""
        operation = f"{request.method} {urlsplit(str(request.url)).path}"
        response = await self._connection.send(
            self._signed(request), operation=operation, subject=subject
        )
        verdict = authenticity(response.headers, response.content, self._keys, self._clock())
        if verdict is not Verdict.ACCEPTED:
            # A refusal may change what we believe of a payment, so it needs a signature as well.
            is_signed = "wechatpay-signature" in response.headers
            what = f"{verdict} answer" if is_signed else "unsigned answer"
            what = f"HTTP {response.status_code}, {what}{unverified(_code(response))}"
            raise self.later(operation, subject, what)
        if response.status_code != expected:
            raise self._refusal(response, operation, subject)
        return response

    def _refusal(self, response: httpx.Response, operation: str, subject: str) -> GatewayError:
        code = _code(response)
        if not code or (response.is_success and code.replace("_", "") not in _ERRORS):
            what = f"HTTP {response.status_code} {code}".rstrip() + ", unreadable"
            return self.unreadable(operation, subject, what)
        error = _ERRORS.get(code.replace("_", ""), Declined)
        # Whatever new name a limit is given, its status says that the call was not heard.
        if error is TryLater or (error is not NoBill and response.status_code == 429):
            return self.later(operation, subject, code)
        return error(f"wechatpay {operation}: {code}")

    def _read(
        self, response: httpx.Response, answer: type[Answer], operation: str, subject: str
    ) -> Answer:
        try:
            return answer.model_validate_json(response.content)
        except ValueError as error:
            raise self.unreadable(operation, subject, "unreadable answer") from error


def _code(response: httpx.Response) -> str:
    """Empty if there is none."""
    try:
        return _Refusal.model_validate_json(response.content).code
    except ValueError:
        return ""
