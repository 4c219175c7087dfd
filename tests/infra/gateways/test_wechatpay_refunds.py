import pytest

from domain.gateway_errors import Declined, TradeNotFound, TryLater
from domain.refund import RefundInstruction, RefundState
from infra.gateways.wechatpay.gateway import WechatPayGateway
from tests.support.notice_keys import PAYMENT_ID
from tests.support.provider_doubles import WechatPayDouble, wechatpay_error

REFUND = "POST /v3/refund/domestic/refunds"
REFUND_QUERY = "GET /v3/refund/domestic/refunds/R-1"
REFUND_INSTRUCTION = RefundInstruction(
    refund_id="R-1",
    payment_id=PAYMENT_ID,
    trade_no="4200",
    amount=8800,
    paid_amount=8805,
    currency="CNY",
    reason="不要了" * 20,
)


@pytest.fixture
def gateway(wechatpay_gateway: WechatPayGateway) -> WechatPayGateway:
    return wechatpay_gateway


class TestRefund:
    def answer(self, status: str, **changes: object) -> tuple[int, object]:
        amount = {"refund": 8800, "total": 8805}
        refund = {"out_refund_no": "R-1", "out_trade_no": PAYMENT_ID, "status": status}
        return 200, {**refund, "amount": amount, **changes}

    @pytest.mark.parametrize(
        ("said", "state"),
        [
            ("SUCCESS", RefundState.DONE),
            ("PROCESSING", RefundState.PROCESSING),
            ("SOMETHING_NEW", RefundState.PROCESSING),
            ("CLOSED", RefundState.FAILED),
            ("ABNORMAL", RefundState.FAILED),
        ],
    )
    async def test_accepted_is_not_done(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, said: str, state: RefundState
    ) -> None:
        wechatpay.answers |= {REFUND: self.answer(said), REFUND_QUERY: self.answer(said)}
        assert (await gateway.refund(REFUND_INSTRUCTION)).state is state
        assert (await gateway.query_refund(REFUND_INSTRUCTION)).state is state
        assert wechatpay.asked[0][1] == {
            "out_trade_no": PAYMENT_ID,
            "out_refund_no": "R-1",
            "reason": ("不要了" * 20)[:26],
            "notify_url": "https://shop.test/v1/webhooks/wechatpay",
            "amount": {"refund": 8800, "total": 8805, "currency": "CNY"},
        }

    async def test_an_unknown_refund_is_not_found(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[REFUND_QUERY] = wechatpay_error("RESOURCE_NOT_EXISTS", 404)
        assert (await gateway.query_refund(REFUND_INSTRUCTION)).state is RefundState.NOT_FOUND

    async def test_a_refund_of_another_sum_is_not_ours(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[REFUND_QUERY] = self.answer("SUCCESS", amount={"refund": 1, "total": 2})
        answer = await gateway.query_refund(REFUND_INSTRUCTION)
        assert answer.state is RefundState.FAILED
        assert "8800" in answer.detail

    @pytest.mark.parametrize("name", ["out_refund_no", "out_trade_no"])
    async def test_an_answer_about_another_refund_is_not_believed(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, name: str
    ) -> None:
        wechatpay.answers[REFUND] = self.answer("SUCCESS", **{name: "OTHER"})
        with pytest.raises(TryLater):
            await gateway.refund(REFUND_INSTRUCTION)

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("NOT_ENOUGH", 403, Declined),
            ("RESOURCE_NOT_EXISTS", 404, TradeNotFound),
            ("FREQUENCY_LIMITED", 429, TryLater),
        ],
    )
    async def test_a_refusal_is_said_in_shared_words(
        self,
        gateway: WechatPayGateway,
        wechatpay: WechatPayDouble,
        code: str,
        status: int,
        expected: type[Exception],
    ) -> None:
        wechatpay.answers[REFUND] = wechatpay_error(code, status)
        with pytest.raises(expected, match=code):
            await gateway.refund(REFUND_INSTRUCTION)
