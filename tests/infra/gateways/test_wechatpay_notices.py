import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.notice import NoticeKind, RefundReport, Verdict
from domain.payment import PaymentMethod, Receipt
from infra.gateways.protocol import RawNotice
from infra.gateways.rsa import UnusableKey
from infra.gateways.wechatpay import wire as wechatpay_wire
from infra.gateways.wechatpay.notice import WechatPayNotices
from infra.gateways.wechatpay.wire import PlatformKeys
from tests.support.notice_forge import WECHATPAY_NAMES, wechatpay_forgery
from tests.support.notice_keys import PAYMENT_ID, WechatPaySide, new_key, public_pem

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
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    ))  # fmt: skip
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_resource_makes_it_raise(
        self, notices: WechatPayNotices, wechatpay_side: WechatPaySide, resource: object
    ) -> None:
        notice = notices.verify(sent(wechatpay_side, wechatpay_side.envelope(resource)))
        assert notice.verdict is Verdict.MALFORMED


class TestPlatformKeys:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
        now = [1000.0]
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        yield now

    def test_a_key_added_while_running_is_found(
        self, wechatpay_keys: Path, clock: list[float]
    ) -> None:
        keys = PlatformKeys(wechatpay_keys)
        (wechatpay_keys / "NEW.pem").write_bytes(public_pem(new_key()))
        assert keys.find("NEW") is None
        clock[0] += 3.5
        assert keys.find("NEW") is not None

    def test_a_flood_of_unknown_serials_reads_the_folder_once(
        self, wechatpay_keys: Path, clock: list[float]
    ) -> None:
        keys = PlatformKeys(wechatpay_keys)
        clock[0] += 3.5
        assert keys.find("A") is None
        (wechatpay_keys / "B.pem").write_bytes(public_pem(new_key()))
        assert [keys.find("B") for _ in range(100)] == [None] * 100

    def test_a_broken_file_does_not_hide_the_others(
        self, wechatpay_side: WechatPaySide, wechatpay_keys: Path
    ) -> None:
        (wechatpay_keys / "BROKEN.pem").write_bytes(b"-----BEGIN PUBLIC KEY-----\n")
        keys = PlatformKeys(wechatpay_keys)
        assert keys.find(wechatpay_side.serial) is not None
        assert keys.find("BROKEN") is None

    def test_a_folder_without_keys_is_refused_at_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableKey, match="no WeChat Pay public key"):
            PlatformKeys(tmp_path)


def test_the_window_is_what_the_provider_says() -> None:
    assert wechatpay_wire.FRESH_SECONDS == 5 * 60
