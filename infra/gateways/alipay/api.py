"""Calls of Alipay's open platform: signed on the way out, verified on the way back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    Declined,
    GatewayError,
    TradeNotFound,
    TryLater,
)
from infra.gateways.alipay.wire import BadAnswer, open_answer, signed
from infra.gateways.connection import ProviderConnection
from infra.gateways.provider_api import NoBill, ProviderApi
from infra.gateways.wire import WireModel, to_shanghai

CLOSE = "alipay.trade.close"
REFUND = "alipay.trade.refund"
BILL = "alipay.data.dataservice.bill.downloadurl.query"

_DONE = "10000"
# Service unavailable, and too many calls: nothing is known of what was asked.
_BUSY = {"20000", "40005"}
_ERRORS: Mapping[str, type[GatewayError]] = {
    "ACQ.SYSTEM_ERROR": TryLater,
    "ACQ.TRADE_NOT_EXIST": TradeNotFound,
    "ACQ.TRADE_HAS_SUCCESS": AlreadyPaid,
    "ACQ.TRADE_HAS_CLOSE": AlreadyClosed,
}
# A trade that is "in no state to be closed" is most often a paid one; the caller asks.
_ERRORS_OF_CLOSE: Mapping[str, type[GatewayError]] = {
    "ACQ.TRADE_STATUS_ERROR": AlreadyPaid,
    "ACQ.TRADE_HAS_FINISHED": AlreadyPaid,
    "ACQ.REASON_TRADE_STATUS_INVALID": AlreadyPaid,
    "ACQ.REASON_ILLEGAL_STATUS": AlreadyPaid,
}


class _Outcome(WireModel):
    code: str
    sub_code: str = ""


Answer = TypeVar("Answer", bound=WireModel)


class AlipayApi(ProviderApi):
    def __init__(
        self,
        connection: ProviderConnection,
        gateway_url: str,
        app_id: str,
        app_key: RSAPrivateKey,
        provider_key: RSAPublicKey,
    ) -> None:
        super().__init__(connection)
        self._gateway_url = gateway_url
        self._app_id = app_id
        self._app_key = app_key
        self._provider_key = provider_key

    def link(self, method: str, content: Mapping[str, str], **more: str) -> str:
        """A signed address for the buyer's browser; nothing is sent."""
        return f"{self._gateway_url}?{urlencode(self._signed(method, content, more))}"

    async def call(
        self,
        method: str,
        content: Mapping[str, str],
        answer: type[Answer],
        *,
        subject: str,
        **more: str,
    ) -> Answer:
        """A successful answer. `subject` names the call in logs. Raises GatewayErrors."""
        query = self._signed(method, content, more)
        # The platform reads `charset` from the address before it reads the body.
        form = {"biz_content": query.pop("biz_content")}
        request = self._connection.request("POST", self._gateway_url, query=query, form=form)
        response = await self._connection.send(request, operation=method, subject=subject)
        return self._opened(response, method, answer, subject)

    async def download(self, address: str, subject: str) -> bytes:
        return await self.fetch(self._connection.request("GET", address), subject)

    def _opened(
        self, response: httpx.Response, method: str, answer: type[Answer], subject: str
    ) -> Answer:
        try:
            node = open_answer(response.content, method, self._provider_key)
            outcome = _Outcome.model_validate_json(node)
            if outcome.code == _DONE:
                return answer.model_validate_json(node)
        except BadAnswer as error:
            raise self.later(method, subject, str(error)) from error
        except ValueError as error:
            raise self.unreadable(method, subject, "unreadable answer") from error
        # The platform's own gateway puts "aop." before the codes of what stands behind it.
        sub_code = outcome.sub_code.removeprefix("aop.")
        refusal = _error_for(method, outcome.code, sub_code)
        if refusal is TryLater:
            raise self.later(method, subject, sub_code or outcome.code)
        raise refusal(f"alipay {method}: {sub_code or outcome.code}")

    def _signed(
        self, method: str, content: Mapping[str, str], more: Mapping[str, str]
    ) -> dict[str, str]:
        parameters = {
            "app_id": self._app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": to_shanghai(datetime.now(UTC)),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False),
        }
        return signed({**parameters, **more}, self._app_key)


def _error_for(method: str, code: str, sub_code: str) -> type[GatewayError]:
    if method == BILL and sub_code.lower().endswith("bill_not_exist"):
        return NoBill
    # "isp" is trouble on their side, "isv" on ours.
    if code in _BUSY or sub_code.startswith("isp."):
        return TryLater
    if method == CLOSE and sub_code in _ERRORS_OF_CLOSE:
        return _ERRORS_OF_CLOSE[sub_code]
    return _ERRORS.get(sub_code, Declined)
