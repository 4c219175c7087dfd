"""Answers of WeChat Pay that are broken, forged or about something else."""

import time
from dataclasses import replace

import httpx
import pytest

from domain.gateway_errors import (
    Declined,
    TryLater,
)
from infra.gateways.wechatpay.gateway import WechatPayGateway
from tests.support.notice_keys import PAYMENT_ID, new_key
from tests.support.provider_doubles import WechatPayDouble

TRADE = f"/v3/pay/transactions/out-trade-no/{PAYMENT_ID}"
QUERY, CLOSE = f"GET {TRADE}", f"POST {TRADE}/close"


@pytest.fixture
def gateway(wechatpay_gateway: WechatPayGateway) -> WechatPayGateway:
    return wechatpay_gateway


class TestBrokenAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ReadTimeout("slow"),
            httpx.ConnectError("refused"),
            httpx.Response(500, text="oops"),
            httpx.Response(502, text="bad gateway"),
            httpx.Response(301, headers={"location": "https://elsewhere.test"}),
            httpx.Response(200, json={"trade_state": "SUCCESS"}),
            httpx.Response(404, json={"code": "ORDER_NOT_EXIST"}),
            httpx.Response(401, json={"code": "SIGN_ERROR"}),
            (200, []),
            (200, None),
            (200, {"trade_state": "SUCCESS"}),
            (400, None),
            (400, ["no code"]),
        ],
        ids=lambda answer: str(answer)[:60],
    )
    async def test_no_answer_or_a_broken_one_means_try_later(
        self,
        gateway: WechatPayGateway,
        wechatpay: WechatPayDouble,
        answer: tuple[int, object] | httpx.Response | Exception,
    ) -> None:
        wechatpay.answers[QUERY] = answer
        with pytest.raises(TryLater):
            await gateway.query(PAYMENT_ID)

    @pytest.mark.parametrize(
        "changes",
        [
            {"appid": "wx9"},
            {"mchid": "1999999999"},
            {"out_trade_no": "OTHER-TRADE"},
            {"amount": {"total": 88.5}},
            {"amount": {"total": True}},
            {"success_time": None},
        ],
        ids=str,
    )
    async def test_a_signed_answer_that_is_not_about_our_trade_is_not_believed(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, changes: dict[str, object]
    ) -> None:
        wechatpay.answers[QUERY] = 200, {**wechatpay.side.paid(), **changes}
        with pytest.raises(TryLater):
            await gateway.query(PAYMENT_ID)

    @pytest.mark.parametrize("spoilt", ["key", "serial", "time"])
    async def test_an_answer_signed_wrongly_is_not_believed(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, spoilt: str
    ) -> None:
        side = wechatpay.side
        wechatpay.answers[QUERY] = 200, side.paid()
        wechatpay.headers = {
            "key": replace(side, key=new_key()).headers,
            "serial": lambda body: side.headers(body, serial="UNKNOWN"),
            "time": lambda body: side.headers(body, at=time.time() - 301),
        }[spoilt]
        with pytest.raises(TryLater, match=r"stale|bad_signature"):
            await gateway.query(PAYMENT_ID)

    async def test_an_error_tells_neither_keys_nor_bodies(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[CLOSE] = 400, {"code": "PARAM_ERROR", "message": "秘密"}
        with pytest.raises(Declined) as caught:
            await gateway.close(PAYMENT_ID)
        assert str(caught.value) == f"wechatpay POST /prefix{TRADE}/close: PARAM_ERROR"
