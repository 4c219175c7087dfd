"""Alipay's notices and return page."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.notice import NoticeKind, RefundReport, Verdict
from domain.payment import (
    PaymentMethod,
    Receipt,
)
from infra.gateways.alipay.notice import AlipayNotices
from infra.gateways.protocol import RawNotice
from tests.support.forged_notices import ALIPAY_NAMES, alipay_forgery
from tests.support.notice_keys import FORM_HEADERS, PAYMENT_ID, AlipaySide

PAID_AT = "2026-11-21 10:00:05"
REFUND_FIELDS = {
    "refund_fee": "88.00",
    "gmt_refund": "2026-11-21 11:00:00.123",
    "out_biz_no": "R-1",
}


@pytest.fixture(scope="module")
def notices(alipay_side: AlipaySide) -> AlipayNotices:
    return AlipayNotices(alipay_side.key.public_key(), alipay_side.app_id, alipay_side.seller_id)


def raw(body: bytes) -> RawNotice:
    return RawNotice(body, FORM_HEADERS)


class TestHonestNotices:
    @pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
    def test_success_and_finished_both_mean_paid(
        self, notices: AlipayNotices, alipay_side: AlipaySide, status: str
    ) -> None:
        fields = {**alipay_side.paid(), "trade_status": status, "gmt_payment": PAID_AT}
        notice = notices.verify(raw(alipay_side.body(fields)))
        assert (notice.verdict, notice.kind) == (Verdict.ACCEPTED, NoticeKind.PAYMENT)
        assert notice.provider_notice_id == fields["notify_id"]
        assert notice.receipt == Receipt(
            method=PaymentMethod.ALIPAY,
            payment_id=PAYMENT_ID,
            trade_no=fields["trade_no"],
            amount=8800,
            paid_at=datetime(2026, 11, 21, 2, 0, 5, tzinfo=UTC),
        )

    @pytest.mark.parametrize("status", ["TRADE_CLOSED", "TRADE_SUCCESS", "TRADE_FINISHED"])
    def test_a_refund_is_told_by_its_fields_whatever_the_trade_says(
        self, notices: AlipayNotices, alipay_side: AlipaySide, status: str
    ) -> None:
        fields = {**alipay_side.paid(), **REFUND_FIELDS, "trade_status": status}
        notice = notices.verify(raw(alipay_side.body(fields)))
        assert (notice.verdict, notice.kind) == (Verdict.ACCEPTED, NoticeKind.REFUND)
        assert notice.receipt is None
        assert notice.refund == RefundReport(
            refund_id="R-1", payment_id=PAYMENT_ID, amount=8800, succeeded=True
        )

    def test_a_closed_trade_without_a_refund_timed_out(
        self, notices: AlipayNotices, alipay_side: AlipaySide
    ) -> None:
        fields = {**alipay_side.paid(), "trade_status": "TRADE_CLOSED"}
        notice = notices.verify(raw(alipay_side.body(fields)))
        assert (notice.verdict, notice.kind) == (Verdict.NOT_PAID, NoticeKind.PAYMENT)
        assert (notice.payment_id, notice.receipt, notice.refund) == (PAYMENT_ID, None, None)

    def test_a_refund_fee_of_zero_is_a_payment(
        self, notices: AlipayNotices, alipay_side: AlipaySide
    ) -> None:
        notice = notices.verify(raw(alipay_side.body({**alipay_side.paid(), "refund_fee": "0.00"})))
        assert (notice.verdict, notice.kind) == (Verdict.ACCEPTED, NoticeKind.PAYMENT)

    def test_a_notice_in_gbk_that_says_so_is_read(
        self, notices: AlipayNotices, alipay_side: AlipaySide
    ) -> None:
        fields = {**alipay_side.paid(), "charset": "GBK", "subject": "秒杀商品"}
        notice = notices.verify(raw(alipay_side.body(fields, charset="gbk")))
        assert notice.verdict is Verdict.ACCEPTED

    def test_a_notice_without_a_time_of_payment_uses_its_own(
        self, notices: AlipayNotices, alipay_side: AlipaySide
    ) -> None:
        fields = {**alipay_side.paid(), "notify_time": PAID_AT}
        del fields["gmt_payment"]
        receipt = notices.verify(raw(alipay_side.body(fields))).receipt
        assert receipt is not None
        assert receipt.paid_at == datetime(2026, 11, 21, 2, 0, 5, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("text", "fen"), [("0.01", 1), ("88.00", 8800), ("88.5", 8850), ("100000000.00", 10**10)]
    )
    def test_amounts_become_fen(
        self, notices: AlipayNotices, alipay_side: AlipaySide, text: str, fen: int
    ) -> None:
        receipt = notices.verify(raw(alipay_side.body(alipay_side.paid(amount=text)))).receipt
        assert receipt is not None
        assert receipt.amount == fen


class TestForgeries:
    def test_the_table_holds_at_least_forty(self) -> None:
        assert len(set(ALIPAY_NAMES)) == len(ALIPAY_NAMES) >= 40

    @pytest.mark.parametrize("name", ALIPAY_NAMES)
    def test_nothing_forged_or_damaged_is_accepted(
        self, notices: AlipayNotices, alipay_side: AlipaySide, name: str
    ) -> None:
        forgery = alipay_forgery(name, alipay_side, alipay_side.paid())
        notice = notices.verify(RawNotice(forgery.body, forgery.headers))
        assert notice.verdict is forgery.expected
        assert (notice.receipt, notice.refund) == (None, None)

    @given(body=st.binary(max_size=300))
    @settings(
        max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_no_bytes_make_it_raise(self, notices: AlipayNotices, body: bytes) -> None:
        assert notices.verify(raw(body)).verdict in (Verdict.MALFORMED, Verdict.BAD_SIGNATURE)

    @given(position=st.integers(min_value=0), byte=st.integers(0, 255))
    @settings(max_examples=100, deadline=None)
    def test_one_changed_byte_never_changes_what_is_accepted(
        self, notices: AlipayNotices, alipay_side: AlipaySide, position: int, byte: int
    ) -> None:
        fields = alipay_side.paid()
        body = bytearray(alipay_side.body(fields))
        body[position % len(body)] = byte
        notice = notices.verify(raw(bytes(body)))
        if notice.verdict is Verdict.ACCEPTED:
            assert dict(parse_qsl(bytes(body).decode())) == alipay_side.seal(fields)


class TestReturnPage:
    def page(self, side: AlipaySide, **changes: str) -> dict[str, str]:
        return side.seal(
            {
                "app_id": side.app_id,
                "charset": "utf-8",
                "method": "alipay.trade.page.pay.return",
                "out_trade_no": PAYMENT_ID,
                "seller_id": side.seller_id,
                "timestamp": PAID_AT,
                "total_amount": "88.00",
                **changes,
            }
        )

    def test_an_authentic_page_names_its_payment(
        self, notices: AlipayNotices, alipay_side: AlipaySide
    ) -> None:
        assert notices.verify_return(self.page(alipay_side)) == PAYMENT_ID

    @pytest.mark.parametrize(
        "changes",
        [{"app_id": "2021999999999999"}, {"seller_id": "2088"}, {"out_trade_no": "a\nb"}],
        ids=str,
    )
    def test_an_authentic_page_of_others_names_none(
        self, notices: AlipayNotices, alipay_side: AlipaySide, changes: dict[str, str]
    ) -> None:
        assert notices.verify_return(self.page(alipay_side, **changes)) is None

    def test_an_altered_page_names_none(
        self, notices: AlipayNotices, alipay_side: AlipaySide
    ) -> None:
        page = self.page(alipay_side)
        assert notices.verify_return({**page, "out_trade_no": "OTHER"}) is None
        assert notices.verify_return({**page, "\ud800": ""}) is None
        assert notices.verify_return({}) is None
