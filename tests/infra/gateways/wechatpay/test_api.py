"""Answers of WeChat Pay that are broken, forged or about something else."""

import time
from dataclasses import replace

import httpx
import pytest

from domain.gateway_errors import (
    Declined,
    TryLater,
    UnreadableAnswer,
)
from domain.payment import TradeState
from infra.gateways.wechatpay.gateway import WechatPayGateway
from infra.settings import WechatPaySettings
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

    @pytest.mark.parametrize(
        ("status", "code"),
        [(401, "SIGN_ERROR"), (403, "NO_AUTH"), (404, "RESOURCE_NOT_EXISTS"), (202, "USERPAYING")],
    )
    async def test_a_refusal_that_nobody_signed_is_quoted_and_not_believed(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, status: int, code: str
    ) -> None:
        wechatpay.answers[QUERY] = httpx.Response(status, json={"code": code, "message": "x"})
        with pytest.raises(TryLater) as caught:
            await gateway.query(PAYMENT_ID)
        said = f"HTTP {status}, unsigned answer (unverified: {code})"
        assert str(caught.value).endswith(said)
        assert not isinstance(caught.value, UnreadableAnswer)

    async def test_what_is_quoted_of_an_unsigned_refusal_is_a_code_and_no_text(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[QUERY] = httpx.Response(403, json={"code": "<b>call 123\n"})
        with pytest.raises(TryLater, match=r"unsigned answer$"):
            await gateway.query(PAYMENT_ID)

    @pytest.mark.parametrize(
        "answer",
        [
            (200, []),
            (200, {"trade_state": "SUCCESS"}),
            (202, {"trade_state": "SUCCESS"}),
            (400, None),
        ],
        ids=str,
    )
    async def test_a_signed_answer_that_makes_no_sense_is_told_from_none(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, answer: tuple[int, object]
    ) -> None:
        wechatpay.answers[QUERY] = answer
        with pytest.raises(UnreadableAnswer):
            await gateway.query(PAYMENT_ID)

    async def test_an_amount_beyond_the_wire_makes_no_sense(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[QUERY] = 200, wechatpay.side.paid(total=10**12)
        with pytest.raises(UnreadableAnswer):
            await gateway.query(PAYMENT_ID)

    async def test_what_is_not_there_yet_may_be_an_empty_text(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        nothing = {"trade_state": "NOTPAY", "transaction_id": "", "success_time": ""}
        wechatpay.answers[QUERY] = 200, {**wechatpay.side.paid(), **nothing}
        assert (await gateway.query(PAYMENT_ID)).state is TradeState.WAITING

    async def test_an_error_tells_neither_keys_nor_bodies(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[CLOSE] = 400, {"code": "PARAM_ERROR", "message": "秘密"}
        with pytest.raises(Declined) as caught:
            await gateway.close(PAYMENT_ID)
        assert str(caught.value) == f"wechatpay POST /prefix{TRADE}/close: PARAM_ERROR"


class TestSerial:
    """While a merchant moves from certificates to the public key, answers carry the old one unless
    the request names the new."""

    @pytest.fixture
    def moving(self, wechatpay: WechatPayDouble) -> WechatPayDouble:
        certificate = replace(wechatpay.side, key=new_key(), serial="5157F09EFDC096DE15EB")

        def signed(body: bytes) -> dict[str, str]:
            named = wechatpay.requests[-1].headers.get("wechatpay-serial")
            return (wechatpay.side if named == wechatpay.side.serial else certificate).headers(body)

        wechatpay.headers = signed
        return wechatpay

    async def test_every_call_names_the_key_it_can_verify(
        self, gateway: WechatPayGateway, moving: WechatPayDouble
    ) -> None:
        moving.answers |= {QUERY: (200, moving.side.paid()), CLOSE: (204, None)}
        assert (await gateway.query(PAYMENT_ID)).state is TradeState.PAID
        assert (await gateway.close(PAYMENT_ID)).receipt is None
        named = {request.headers["wechatpay-serial"] for request in moving.requests}
        assert named == {moving.side.serial}

    async def test_an_operator_may_name_it(
        self, wechatpay: WechatPayDouble, wechatpay_settings: WechatPaySettings
    ) -> None:
        settings = wechatpay_settings.model_copy(update={"public_key_id": "PUB_KEY_ID_7"})
        gateway = WechatPayGateway(settings, "https://shop.test", wechatpay.transport())
        wechatpay.answers[CLOSE] = 204, None
        await gateway.close(PAYMENT_ID)
        await gateway.aclose()
        assert wechatpay.requests[0].headers["wechatpay-serial"] == "PUB_KEY_ID_7"
