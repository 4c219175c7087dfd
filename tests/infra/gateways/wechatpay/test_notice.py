"""WeChat Pay's notices."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.notice import NoticeKind, RefundReport, Verdict
from domain.payment import (
    PaymentMethod,
    Receipt,
)
from infra.gateways.protocol import RawNotice
from infra.gateways.wechatpay.notice import WechatPayNotices
from infra.gateways.wechatpay.wire import PlatformKeys
from tests.support.forged_notices import WECHATPAY_NAMES, wechatpay_forgery
from tests.support.notice_keys import PAYMENT_ID, WechatPaySide

PAID_AT = "2026-11-21T10:00:05+08:00"


@pytest.fixture
def notices(wechatpay_side: WechatPaySide, wechatpay_keys: Path) -> WechatPayNotices:
    return WechatPayNotices(
        wechatpay_side.appid,
        wechatpay_side.mchid,
        wechatpay_side.api_v3_key,
        PlatformKeys(wechatpay_keys),
        lambda: datetime.now(UTC),
    )


def sent(side: WechatPaySide, envelope: object) -> RawNotice:
    body = json.dumps(envelope).encode()
    return RawNotice(body, side.headers(body))


class TestHonestNotices:
    def test_a_payment_carries_its_receipt(
        self, notices: WechatPayNotices, wechatpay_side: WechatPaySide
    ) -> None:
        resource = {**wechatpay_side.paid(), "success_time": PAID_AT}
        envelope = wechatpay_side.envelope(resource)
        notice = notices.verify(sent(wechatpay_side, envelope))
        assert (notice.verdict, notice.kind) == (Verdict.ACCEPTED, NoticeKind.PAYMENT)
        assert notice.provider_notice_id == envelope["id"]
        assert notice.receipt == Receipt(
            method=PaymentMethod.WECHATPAY,
            payment_id=PAYMENT_ID,
            trade_no=str(resource["transaction_id"]),
            amount=8800,
            paid_at=datetime(2026, 11, 21, 2, 0, 5, tzinfo=UTC),
        )

    @pytest.mark.parametrize(
        ("status", "succeeded"), [("SUCCESS", True), ("ABNORMAL", False), ("CLOSED", False)]
    )
    def test_a_refund_says_how_it_ended(
        self, notices: WechatPayNotices, wechatpay_side: WechatPaySide, status: str, succeeded: bool
    ) -> None:
        resource = wechatpay_side.refunded("R-1", status=status)
        notice = notices.verify(
            sent(wechatpay_side, wechatpay_side.envelope(resource, f"REFUND.{status}"))
        )
        assert (notice.verdict, notice.kind) == (Verdict.ACCEPTED, NoticeKind.REFUND)
        assert notice.refund == RefundReport(
            refund_id="R-1", payment_id=PAYMENT_ID, amount=8800, succeeded=succeeded
        )

    @pytest.mark.parametrize("seconds", [-299, 299])
    def test_a_clock_less_than_five_minutes_off_is_borne(
        self, wechatpay_side: WechatPaySide, wechatpay_keys: Path, seconds: int
    ) -> None:
        now = datetime(2026, 11, 21, tzinfo=UTC)
        notices = WechatPayNotices(
            wechatpay_side.appid,
            wechatpay_side.mchid,
            wechatpay_side.api_v3_key,
            PlatformKeys(wechatpay_keys),
            lambda: now,
        )
        body = json.dumps(wechatpay_side.envelope(wechatpay_side.paid())).encode()
        at = (now + timedelta(seconds=seconds)).timestamp()
        accepted = notices.verify(RawNotice(body, wechatpay_side.headers(body, at=at)))
        assert accepted.verdict is Verdict.ACCEPTED
        at += 1 if seconds > 0 else -1
        stale = notices.verify(RawNotice(body, wechatpay_side.headers(body, at=at)))
        assert stale.verdict is Verdict.STALE


class TestForgeries:
    def test_the_table_holds_at_least_forty(self) -> None:
        assert len(set(WECHATPAY_NAMES)) == len(WECHATPAY_NAMES) >= 40

    @pytest.mark.parametrize("name", WECHATPAY_NAMES)
    def test_nothing_forged_or_damaged_is_accepted(
        self, notices: WechatPayNotices, wechatpay_side: WechatPaySide, name: str
    ) -> None:
        forgery = wechatpay_forgery(name, wechatpay_side, wechatpay_side.paid())
        notice = notices.verify(RawNotice(forgery.body, forgery.headers))
        assert notice.verdict is forgery.expected
        assert (notice.receipt, notice.refund) == (None, None)

    @given(body=st.binary(max_size=300))
    @settings(
        max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_no_signed_bytes_make_it_raise(
        self, notices: WechatPayNotices, wechatpay_side: WechatPaySide, body: bytes
    ) -> None:
        notice = notices.verify(RawNotice(body, wechatpay_side.headers(body)))
        assert notice.verdict is Verdict.MALFORMED

    @given(resource=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.dictionaries(
            st.sampled_from(["appid", "mchid", "out_trade_no", "amount", "total"]), inner
        ),
        # A resource is two levels deep: larger trees take longer to draw, and say no more.
        max_leaves=12,
    ))  # fmt: skip
    @settings(
        max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_no_resource_makes_it_raise(
        self, notices: WechatPayNotices, wechatpay_side: WechatPaySide, resource: object
    ) -> None:
        notice = notices.verify(sent(wechatpay_side, wechatpay_side.envelope(resource)))
        assert notice.verdict is Verdict.MALFORMED
