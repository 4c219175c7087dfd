"""WeChat Pay's calls, as they are asked and as they are read."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    BuyerIsPaying,
    Declined,
    TradeNotFound,
    TryLater,
    UnreadableAnswer,
)
from domain.payment import (
    Charge,
    PaymentScene,
    QrAction,
    TradeState,
)
from domain.refund import RefundInstruction, RefundState
from infra.gateways.rsa import UnusableKey
from infra.gateways.wechatpay.gateway import WechatPayGateway
from infra.settings import WechatPaySettings
from tests.support.notice_keys import PAYMENT_ID
from tests.support.provider_doubles import WechatPayDouble, wechatpay_error

TRADE = f"/v3/pay/transactions/out-trade-no/{PAYMENT_ID}"
NATIVE, QUERY = "POST /v3/pay/transactions/native", f"GET {TRADE}"
CLOSE = f"POST {TRADE}/close"
CHARGE = Charge(
    payment_id=PAYMENT_ID,
    amount=8805,
    currency="CNY",
    subject="秒" * 60,
    expires_at=datetime(2126, 11, 21, 2, 30, 0, 999_000, tzinfo=UTC),
    scene=PaymentScene.QR,
)
REFUND = "POST /v3/refund/domestic/refunds"
REFUND_QUERY = "GET /v3/refund/domestic/refunds/R-1"
INSTRUCTION = RefundInstruction(
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


class TestCreate:
    async def test_a_native_order_carries_our_deadline_and_amount(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[NATIVE] = 200, {"code_url": "weixin://wxpay/x"}
        assert await gateway.create(CHARGE) == QrAction(code_url="weixin://wxpay/x")
        assert wechatpay.asked == [
            (
                NATIVE,
                {
                    "appid": wechatpay.side.appid,
                    "mchid": wechatpay.side.mchid,
                    "description": "秒" * 42,
                    "out_trade_no": PAYMENT_ID,
                    "time_expire": "2126-11-21T10:30:00+08:00",
                    "notify_url": "https://shop.test/v1/webhooks/wechatpay",
                    "amount": {"total": 8805, "currency": "CNY"},
                },
            )
        ]

    async def test_a_moment_too_near_for_the_provider_is_put_off(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[NATIVE] = 200, {"code_url": "weixin://wxpay/x"}
        now = datetime.now(UTC)
        await gateway.create(CHARGE.model_copy(update={"expires_at": now + timedelta(seconds=5)}))
        ((_, asked),) = wechatpay.asked
        assert isinstance(asked, dict)
        last_moment = datetime.fromisoformat(asked["time_expire"])
        assert timedelta(minutes=1) < last_moment - now < timedelta(minutes=2)

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("ORDERPAID", 400, AlreadyPaid),
            ("ORDER_CLOSED", 400, AlreadyClosed),
            ("OUT_TRADE_NO_USED", 403, Declined),
            ("PARAM_ERROR", 400, Declined),
            ("FREQUENCY_LIMITED", 429, TryLater),
            ("SOMETHING_NEW", 429, TryLater),
            ("SYSTEM_ERROR", 500, TryLater),
            ("USERPAYING", 202, BuyerIsPaying),
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
        wechatpay.answers[NATIVE] = wechatpay_error(code, status)
        with pytest.raises(expected):
            await gateway.create(CHARGE)

    async def test_other_money_is_declined(self, gateway: WechatPayGateway) -> None:
        with pytest.raises(Declined, match="CNY"):
            await gateway.create(CHARGE.model_copy(update={"currency": "USD"}))


class TestQuery:
    @pytest.mark.parametrize(
        ("said", "state"),
        [
            ("SUCCESS", TradeState.PAID),
            ("REFUND", TradeState.CLOSED),
            ("NOTPAY", TradeState.WAITING),
            ("USERPAYING", TradeState.WAITING),
            ("PAYERROR", TradeState.WAITING),
            ("SOMETHING_NEW", TradeState.WAITING),
            ("CLOSED", TradeState.CLOSED),
            ("REVOKED", TradeState.CLOSED),
        ],
    )
    async def test_each_state_is_read(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, said: str, state: TradeState
    ) -> None:
        wechatpay.answers[QUERY] = 200, {**wechatpay.side.paid(), "trade_state": said}
        found = await gateway.query(PAYMENT_ID)
        assert (found.state, found.receipt is not None) == (state, state is TradeState.PAID)
        assert (found.returned is not None) == (said == "REFUND")

    async def test_an_unpaid_trade_has_no_number_yet(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        paid = wechatpay.side.paid()
        short = {name: paid[name] for name in ("appid", "mchid", "out_trade_no")}
        wechatpay.answers[QUERY] = 200, {**short, "trade_state": "NOTPAY"}
        assert (await gateway.query(PAYMENT_ID)).state is TradeState.WAITING

    @pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
    async def test_an_unknown_trade_is_not_found(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, code: str
    ) -> None:
        wechatpay.answers[QUERY] = wechatpay_error(code, 404)
        assert (await gateway.query(PAYMENT_ID)).state is TradeState.NOT_FOUND


class TestClose:
    @pytest.mark.parametrize(
        "answer",
        [(204, None), wechatpay_error("ORDER_CLOSED"), wechatpay_error("ORDER_NOT_EXIST", 404)],
    )
    async def test_closed_before_or_never_known_counts_as_closed(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, answer: tuple[int, object]
    ) -> None:
        wechatpay.answers[CLOSE] = answer
        assert (await gateway.close(PAYMENT_ID)).receipt is None
        assert wechatpay.asked == [(CLOSE, {"mchid": wechatpay.side.mchid})]

    async def test_a_trade_that_was_paid_answers_with_its_receipt(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers |= {
            CLOSE: wechatpay_error("ORDERPAID"),
            QUERY: (200, wechatpay.side.paid()),
        }
        closed = await gateway.close(PAYMENT_ID)
        assert closed.receipt is not None
        assert closed.receipt.amount == 8800

    @pytest.mark.parametrize("code", ["USER_PAYING", "USERPAYING"])
    async def test_a_buyer_who_types_his_password_has_neither_paid_nor_been_stopped(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, code: str
    ) -> None:
        wechatpay.answers[CLOSE] = wechatpay_error(code, 202)
        with pytest.raises(BuyerIsPaying, match="USER"):
            await gateway.close(PAYMENT_ID)

        wechatpay.answers |= {
            CLOSE: wechatpay_error("ORDERPAID"),
            QUERY: (200, wechatpay.side.paid()),
        }
        assert (await gateway.close(PAYMENT_ID)).receipt is not None

    @pytest.mark.parametrize(
        "answer", [(200, {}), (202, None), (202, {"code": "NEW"}), (206, None)]
    )
    async def test_only_204_says_that_a_trade_is_closed(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, answer: tuple[int, object]
    ) -> None:
        wechatpay.answers[CLOSE] = answer
        with pytest.raises(UnreadableAnswer, match=f"HTTP {answer[0]}"):
            await gateway.close(PAYMENT_ID)

    async def test_a_refused_close_of_a_waiting_trade_is_tried_again(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        waiting = {**wechatpay.side.paid(), "trade_state": "USERPAYING"}
        wechatpay.answers |= {CLOSE: wechatpay_error("ORDERPAID"), QUERY: (200, waiting)}
        with pytest.raises(TryLater):
            await gateway.close(PAYMENT_ID)


class TestKeys:
    def test_an_api_v3_key_of_the_wrong_length_is_refused_without_telling_it(
        self, wechatpay_settings: WechatPaySettings
    ) -> None:
        spoilt = wechatpay_settings.model_copy(
            update={"api_v3_key_file": wechatpay_settings.merchant_private_key}
        )
        with pytest.raises(UnusableKey) as caught:
            WechatPayGateway(spoilt, "https://shop.test")
        assert "BEGIN" not in str(caught.value)
        assert wechatpay_settings.api_v3_key.get_secret_value() not in repr(wechatpay_settings)


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
        assert (await gateway.refund(INSTRUCTION)).state is state
        assert (await gateway.query_refund(INSTRUCTION)).state is state
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
        assert (await gateway.query_refund(INSTRUCTION)).state is RefundState.NOT_FOUND

    async def test_a_refund_of_another_sum_is_not_ours(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        wechatpay.answers[REFUND_QUERY] = self.answer("SUCCESS", amount={"refund": 1, "total": 2})
        answer = await gateway.query_refund(INSTRUCTION)
        assert answer.state is RefundState.FAILED
        assert "8800" in answer.detail

    @pytest.mark.parametrize("name", ["out_refund_no", "out_trade_no"])
    async def test_an_answer_about_another_refund_is_not_believed(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble, name: str
    ) -> None:
        wechatpay.answers[REFUND] = self.answer("SUCCESS", **{name: "OTHER"})
        with pytest.raises(TryLater):
            await gateway.refund(INSTRUCTION)

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
            await gateway.refund(INSTRUCTION)
