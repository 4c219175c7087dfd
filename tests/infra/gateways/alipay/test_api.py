"""Answers of Alipay that are broken, forged or about something else."""

import httpx
import pytest

from domain.gateway_errors import TryLater, UnreadableAnswer
from domain.payment import TradeState
from infra.gateways.alipay.gateway import AlipayGateway
from tests.support.notice_keys import PAYMENT_ID, AlipaySide, new_key
from tests.support.provider_doubles import AlipayDouble, Answer, done, failed

QUERY, CLOSE = "alipay.trade.query", "alipay.trade.close"


def trade(status: str, **more: object) -> dict[str, object]:
    return done(
        out_trade_no=PAYMENT_ID,
        trade_no="2026112122001",
        trade_status=status,
        total_amount="88.05",
        buyer_logon_id="a/b",
        **more,
    )


PAID = trade("TRADE_SUCCESS", send_pay_date="2026-11-21 10:00:05")


@pytest.fixture
def gateway(alipay_gateway: AlipayGateway) -> AlipayGateway:
    return alipay_gateway


class TestBrokenAnswers:
    def unsigned(self, body: bytes) -> httpx.Response:
        return httpx.Response(200, content=body)

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ReadTimeout("slow"),
            httpx.ConnectError("refused"),
            httpx.RemoteProtocolError("cut"),
            httpx.Response(500, text="oops"),
            httpx.Response(302, headers={"location": "https://elsewhere.test"}),
            httpx.Response(200, content=b""),
            httpx.Response(200, content=b"<html>maintenance</html>"),
            httpx.Response(200, content=b"{}"),
            httpx.Response(200, content=b"[" * 50_000),
            httpx.Response(200, content=b'{"alipay_trade_query_response":{"code":"10000"}}'),
            httpx.Response(200, content=b'{"alipay_trade_query_response":{},"sign":7}'),
            httpx.Response(200, content=b'{"error_response":{"code":"40002"},"sign":"eA=="}'),
            failed("isp.unknow-error", "20000"),
            failed("", "20000"),
            failed("app-call-limited", "40005"),
            {"msg": "no code"},
            done(),
            trade("TRADE_SUCCESS") | {"total_amount": "NaN"},
            trade("TRADE_SUCCESS") | {"total_amount": 88.05},
            trade("TRADE_SUCCESS") | {"out_trade_no": "ANOTHER"},
        ],
        ids=lambda answer: str(answer)[:60],
    )
    async def test_no_answer_or_a_broken_one_means_try_later(
        self, gateway: AlipayGateway, alipay: AlipayDouble, answer: Answer
    ) -> None:
        alipay.answers[QUERY] = answer
        with pytest.raises(TryLater):
            await gateway.query(PAYMENT_ID)

    @pytest.mark.parametrize(
        "body",
        [
            {"alipay_trade_query_response": {"code": "40002", "sub_code": "isv.invalid-app-id"}},
            {"error_response": {"code": "40002", "sub_code": "isv.invalid-app-id"}},
        ],
        ids=["a node", "an error"],
    )
    async def test_a_refusal_that_nobody_signed_is_quoted_and_not_believed(
        self, gateway: AlipayGateway, alipay: AlipayDouble, body: dict[str, object]
    ) -> None:
        alipay.answers[QUERY] = httpx.Response(200, json=body)
        with pytest.raises(TryLater, match=r"\(unverified: isv\.invalid-app-id\)") as caught:
            await gateway.query(PAYMENT_ID)
        assert not isinstance(caught.value, UnreadableAnswer)

    async def test_a_signed_answer_that_makes_no_sense_is_told_from_none(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers[QUERY] = trade("TRADE_SUCCESS") | {"total_amount": "10000000000.00"}
        with pytest.raises(UnreadableAnswer):
            await gateway.query(PAYMENT_ID)

    async def test_what_is_not_there_yet_may_be_an_empty_text(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers[QUERY] = trade("WAIT_BUYER_PAY") | {"send_pay_date": ""}
        assert (await gateway.query(PAYMENT_ID)).state is TradeState.WAITING

    async def test_an_answer_of_a_foreign_key_is_not_believed(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        other = AlipayDouble(AlipaySide(new_key()), alipay.app_key)
        alipay.answers[QUERY] = self.unsigned(other.envelope(QUERY, PAID))
        with pytest.raises(TryLater, match="signature"):
            await gateway.query(PAYMENT_ID)

    async def test_an_answer_changed_on_the_way_is_not_believed(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        body = alipay.envelope(QUERY, PAID).replace(b"88.05", b"88.06")
        alipay.answers[QUERY] = self.unsigned(body)
        with pytest.raises(TryLater, match="signature"):
            await gateway.query(PAYMENT_ID)

    async def test_a_second_node_beside_the_signed_one_is_not_believed(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        body = alipay.envelope(QUERY, trade("WAIT_BUYER_PAY"))
        forged = b'{"alipay_trade_query_response":{"code":"10000"},' + body.lstrip(b"{ ")
        alipay.answers[QUERY] = self.unsigned(forged)
        with pytest.raises(TryLater):
            await gateway.query(PAYMENT_ID)

    async def test_an_answer_to_another_question_is_not_believed(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers[QUERY] = self.unsigned(alipay.envelope(CLOSE, PAID))
        with pytest.raises(TryLater):
            await gateway.query(PAYMENT_ID)
