"""Alipay's calls, as they are asked and as they are read."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    Declined,
    TradeNotFound,
    TryLater,
)
from domain.payment import (
    Charge,
    PaymentScene,
    QrAction,
    RedirectAction,
    TradeState,
)
from domain.refund import RefundInstruction, RefundState
from infra.gateways.alipay.gateway import AlipayGateway
from tests.support.notice_keys import PAYMENT_ID
from tests.support.provider_doubles import AlipayDouble, Answer, done, failed

QUERY, CLOSE, REFUND = "alipay.trade.query", "alipay.trade.close", "alipay.trade.refund"
REFUND_QUERY = "alipay.trade.fastpay.refund.query"
INSTRUCTION = RefundInstruction(
    refund_id="R-1",
    payment_id=PAYMENT_ID,
    trade_no="2026",
    amount=8800,
    paid_amount=8800,
    currency="CNY",
    reason="changed my mind / 不要了",
)


def charge(scene: PaymentScene, currency: str = "CNY") -> Charge:
    return Charge(
        payment_id=PAYMENT_ID,
        amount=8805,
        currency=currency,
        subject="秒杀 A&B=C/D",
        expires_at=datetime(2026, 11, 21, 2, 30, 0, 999_000, tzinfo=UTC),
        scene=scene,
    )


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


class TestCreate:
    async def test_a_page_is_a_signed_link_and_no_call(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        action = await gateway.create(charge(PaymentScene.PAGE))
        assert isinstance(action, RedirectAction)
        parameters = dict(parse_qsl(urlsplit(action.url).query, strict_parsing=True))
        alipay.check(parameters)
        assert action.url.startswith("https://alipay.test/gateway.do?")
        assert parameters["method"] == "alipay.trade.page.pay"
        assert parameters["return_url"] == "https://shop.test/v1/payments/alipay/return"
        assert parameters["notify_url"] == "https://shop.test/v1/webhooks/alipay"
        assert alipay.asked == []

    async def test_a_qr_code_is_asked_for_with_our_deadline_and_amount(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers["alipay.trade.precreate"] = done(
            out_trade_no=PAYMENT_ID, qr_code="https://qr.alipay.com/x"
        )
        action = await gateway.create(charge(PaymentScene.QR))
        assert action == QrAction(code_url="https://qr.alipay.com/x")
        parameters, content = alipay.asked[0]
        assert parameters["notify_url"] == "https://shop.test/v1/webhooks/alipay"
        assert content == {
            "out_trade_no": PAYMENT_ID,
            "total_amount": "88.05",
            "subject": "秒杀 A B C D",
            "time_expire": "2026-11-21 10:30:00",
        }

    @pytest.mark.parametrize(
        ("code", "error"),
        [("ACQ.TRADE_HAS_SUCCESS", AlreadyPaid), ("ACQ.TRADE_HAS_CLOSE", AlreadyClosed)],
    )
    async def test_a_trade_that_ended_is_said_to_have(
        self, gateway: AlipayGateway, alipay: AlipayDouble, code: str, error: type[Exception]
    ) -> None:
        alipay.answers["alipay.trade.precreate"] = failed(code)
        with pytest.raises(error, match=code):
            await gateway.create(charge(PaymentScene.QR))

    async def test_other_money_is_declined(self, gateway: AlipayGateway) -> None:
        with pytest.raises(Declined, match="CNY"):
            await gateway.create(charge(PaymentScene.QR, currency="USD"))


class TestQuery:
    async def test_a_paid_trade_has_its_receipt(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers[QUERY] = PAID
        found = await gateway.query(PAYMENT_ID)
        assert found.state is TradeState.PAID
        assert found.receipt is not None
        assert (found.receipt.amount, found.receipt.trade_no) == (8805, "2026112122001")
        assert found.receipt.paid_at == datetime(2026, 11, 21, 2, 0, 5, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("answer", "state", "ever_paid"),
        [
            (trade("WAIT_BUYER_PAY"), TradeState.WAITING, False),
            (trade("SOMETHING_NEW"), TradeState.WAITING, False),
            (trade("TRADE_FINISHED"), TradeState.PAID, True),
            (trade("TRADE_CLOSED"), TradeState.CLOSED, False),
            (
                trade("TRADE_CLOSED", send_pay_date="2026-11-21 10:00:05"),
                TradeState.CLOSED,
                True,
            ),
            (failed("ACQ.TRADE_NOT_EXIST"), TradeState.NOT_FOUND, False),
        ],
        ids=["waits", "unknown state", "finished", "timed out", "refunded", "not known"],
    )
    async def test_each_state_is_read(
        self,
        gateway: AlipayGateway,
        alipay: AlipayDouble,
        answer: Answer,
        state: TradeState,
        ever_paid: bool,
    ) -> None:
        alipay.answers[QUERY] = answer
        found = await gateway.query(PAYMENT_ID)
        paid = state is TradeState.PAID
        assert (found.state, found.receipt is not None) == (state, paid)
        assert (found.returned is not None) == (ever_paid and not paid)


class TestClose:
    @pytest.mark.parametrize(
        "answer",
        [
            done(out_trade_no=PAYMENT_ID),
            failed("ACQ.TRADE_NOT_EXIST"),
            failed("aop.ACQ.TRADE_HAS_CLOSE"),
        ],
    )
    async def test_closed_before_or_never_known_counts_as_closed(
        self, gateway: AlipayGateway, alipay: AlipayDouble, answer: Answer
    ) -> None:
        alipay.answers[CLOSE] = answer
        assert (await gateway.close(PAYMENT_ID)).receipt is None

    @pytest.mark.parametrize(
        "code",
        ["ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.TRADE_HAS_SUCCESS"],
    )
    async def test_a_trade_that_was_paid_answers_with_its_receipt(
        self, gateway: AlipayGateway, alipay: AlipayDouble, code: str
    ) -> None:
        alipay.answers |= {CLOSE: failed(code), QUERY: PAID}
        closed = await gateway.close(PAYMENT_ID)
        assert closed.receipt is not None
        assert closed.receipt.amount == 8805

    async def test_a_refused_close_of_a_closed_trade_is_closed(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers |= {CLOSE: failed("ACQ.TRADE_STATUS_ERROR"), QUERY: trade("TRADE_CLOSED")}
        assert (await gateway.close(PAYMENT_ID)).receipt is None

    async def test_a_refused_close_of_a_waiting_trade_is_tried_again(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers |= {CLOSE: failed("ACQ.TRADE_STATUS_ERROR"), QUERY: trade("WAIT_BUYER_PAY")}
        with pytest.raises(TryLater):
            await gateway.close(PAYMENT_ID)


class TestRefund:
    async def test_money_that_moved_is_done(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        alipay.answers[REFUND] = done(out_trade_no=PAYMENT_ID, fund_change="Y", refund_fee="88.00")
        assert (await gateway.refund(INSTRUCTION)).state is RefundState.DONE
        assert alipay.asked[0][1] == {
            "out_trade_no": PAYMENT_ID,
            "refund_amount": "88.00",
            "out_request_no": "R-1",
            "refund_reason": INSTRUCTION.reason,
        }

    @pytest.mark.parametrize(
        ("found", "state"),
        [
            (
                done(out_request_no="R-1", refund_status="REFUND_SUCCESS", refund_amount="88.00"),
                RefundState.DONE,
            ),
            (done(), RefundState.PROCESSING),
        ],
        ids=["done before", "not to be found yet"],
    )
    async def test_a_repeat_that_moves_nothing_is_no_failure(
        self, gateway: AlipayGateway, alipay: AlipayDouble, found: Answer, state: RefundState
    ) -> None:
        repeat = done(out_trade_no=PAYMENT_ID, fund_change="N", refund_fee="88.00")
        alipay.answers |= {REFUND: repeat, REFUND_QUERY: found}
        assert (await gateway.refund(INSTRUCTION)).state is state

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("ACQ.TRADE_NOT_EXIST", TradeNotFound),
            ("ACQ.TRADE_HAS_CLOSE", AlreadyClosed),
            ("ACQ.TRADE_HAS_FINISHED", Declined),
            ("ACQ.TRADE_STATUS_ERROR", Declined),
            ("ACQ.SELLER_BALANCE_NOT_ENOUGH", Declined),
            ("ACQ.SYSTEM_ERROR", TryLater),
            ("aop.ACQ.SYSTEM_ERROR", TryLater),
            ("isp.unknow-error", TryLater),
        ],
    )
    async def test_a_refusal_is_said_in_shared_words(
        self, gateway: AlipayGateway, alipay: AlipayDouble, code: str, error: type[Exception]
    ) -> None:
        alipay.answers[REFUND] = failed(code)
        with pytest.raises(error, match=code.removeprefix("aop.")):
            await gateway.refund(INSTRUCTION)

    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            (done(), RefundState.NOT_FOUND),
            (failed("ACQ.TRADE_NOT_EXIST"), RefundState.NOT_FOUND),
            (done(out_request_no="R-1"), RefundState.NOT_FOUND),
            (
                done(out_request_no="R-2", refund_status="REFUND_SUCCESS", refund_amount="88.00"),
                RefundState.NOT_FOUND,
            ),
            (
                done(out_request_no="R-1", refund_status="REFUND_SUCCESS", refund_amount="1.00"),
                RefundState.FAILED,
            ),
        ],
        ids=["no fields", "no trade", "no status", "another refund", "another amount"],
    )
    async def test_success_of_the_query_is_not_success_of_the_refund(
        self, gateway: AlipayGateway, alipay: AlipayDouble, answer: Answer, state: RefundState
    ) -> None:
        alipay.answers[REFUND_QUERY] = answer
        assert (await gateway.query_refund(INSTRUCTION)).state is state
