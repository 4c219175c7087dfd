"""WeChat Pay's keys and times."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.gateways.rsa import UnusableKey
from infra.gateways.wechatpay import wire as wechatpay_wire
from infra.gateways.wechatpay.wire import PlatformKeys
from tests.support.notice_keys import WechatPaySide, new_key, public_pem


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

    def test_the_newest_public_key_is_asked_for_and_no_certificate(
        self, wechatpay_side: WechatPaySide, wechatpay_keys: Path, clock: list[float]
    ) -> None:
        keys = PlatformKeys(wechatpay_keys)
        assert keys.asked_for() == wechatpay_side.serial
        for name, age in (("PUB_KEY_ID_NEW", 10), ("PUB_KEY_ID_OLD", -10), ("5157F0", 20)):
            path = wechatpay_keys / f"{name}.pem"
            path.write_bytes(public_pem(new_key()))
            written = (wechatpay_keys / f"{wechatpay_side.serial}.pem").stat().st_mtime + age
            os.utime(path, (written, written))
        assert keys.asked_for() == wechatpay_side.serial
        clock[0] += 3.5
        assert keys.asked_for() == "PUB_KEY_ID_NEW"
        assert PlatformKeys(wechatpay_keys, "PUB_KEY_ID_OLD").asked_for() == "PUB_KEY_ID_OLD"

    def test_where_there_are_certificates_alone_nothing_is_asked_for(self, tmp_path: Path) -> None:
        (tmp_path / "5157F0.pem").write_bytes(public_pem(new_key()))
        assert PlatformKeys(tmp_path).asked_for() == ""

    def test_a_folder_without_keys_is_refused_at_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableKey, match="no WeChat Pay public key"):
            PlatformKeys(tmp_path)


def test_the_window_is_what_the_provider_says() -> None:
    assert wechatpay_wire.FRESH_SECONDS == 5 * 60
