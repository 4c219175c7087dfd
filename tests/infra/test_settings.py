from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from infra.settings import (
    AlipaySettings,
    MessageSettings,
    Settings,
    UnusableSetting,
    WechatPaySettings,
)

ALIPAY = {
    "gateway_url": "https://pay.example",
    "app_id": "app",
    "seller_id": "seller",
    "app_private_key": "app.pem",
    "provider_public_key": "alipay.pem",
}
WECHATPAY = {
    "gateway_url": "https://pay.example",
    "appid": "app",
    "mchid": "mch",
    "merchant_serial": "serial",
    "merchant_private_key": "mch.pem",
    "provider_public_keys": "keys",
    "api_v3_key": "key",
}


@pytest.fixture(autouse=True)
def _no_settings_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("SECKILL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("missing", [None, *ALIPAY])
def test_alipay_is_there_when_nothing_of_it_is_missing(missing: str | None) -> None:
    given = {name: value for name, value in ALIPAY.items() if name != missing}

    assert AlipaySettings.model_validate(given).enabled == (missing is None)


@pytest.mark.parametrize("missing", [None, *WECHATPAY])
def test_wechat_pay_is_there_when_nothing_of_it_is_missing(missing: str | None) -> None:
    given = {name: value for name, value in WECHATPAY.items() if name != missing}

    assert WechatPaySettings.model_validate(given).enabled == (missing is None)


def test_a_secret_in_a_file_comes_before_one_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"from the file\n")
    given, secret = SecretStr("from the environment"), b"from the environment"

    wechat, messages = WechatPaySettings(api_v3_key=given), MessageSettings(webhook_secret=given)
    assert (wechat.read_api_v3_key(), messages.read_webhook_secret()) == (secret, secret)
    wechat = WechatPaySettings(api_v3_key=given, api_v3_key_file=file)
    messages = MessageSettings(webhook_secret=given, webhook_secret_file=file)
    assert wechat.read_api_v3_key() == messages.read_webhook_secret() == b"from the file"


def test_a_secrets_file_that_is_not_there_is_no_empty_secret(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        MessageSettings(webhook_secret_file=tmp_path / "nowhere").read_webhook_secret()


def test_each_part_reads_the_environment_under_its_own_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECKILL_TASK_QUEUE", "noon")
    monkeypatch.setenv("SECKILL_ALIPAY_APP_ID", "ali")
    monkeypatch.setenv("SECKILL_WECHATPAY_APPID", "we")
    monkeypatch.setenv("SECKILL_MESSAGES_WEBHOOK_URL", "https://shop.example")

    settings = Settings()

    assert settings.task_queue == "noon"
    assert (settings.alipay.app_id, settings.wechatpay.appid) == ("ali", "we")
    assert settings.messages.webhook_url == "https://shop.example"


def test_seconds_are_told_as_times() -> None:
    settings = Settings(refund_spacing_seconds=1.5, audit_grace_seconds=2)

    assert settings.refund_spacing == timedelta(seconds=1.5)
    assert settings.audit_grace == timedelta(seconds=2)


@pytest.mark.parametrize(
    "wrong", [{"refund_calls_per_second": 0}, {"archive_after_days": 0}, {"api_port": "many"}]
)
def test_what_would_stop_all_refunds_or_archive_all_at_once_is_refused(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_a_webhook_may_not_take_longer_than_a_delivery_has() -> None:
    with pytest.raises(UnusableSetting, match="SECKILL_MESSAGES_TIMEOUT_SECONDS"):
        MessageSettings(timeout_seconds=4.1)


def test_what_is_of_no_use_is_named_in_one_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECKILL_API_PORT", "s3cret")
    monkeypatch.setenv("SECKILL_AUDIT_BOOK", "perhaps")

    with pytest.raises(UnusableSetting) as refused:
        Settings()

    said = str(refused.value)
    assert "SECKILL_API_PORT: " in said
    assert "SECKILL_AUDIT_BOOK: " in said
    assert "s3cret" not in said
    assert "\n" not in said


def test_secrets_are_not_shown() -> None:
    settings = Settings(jwt_secret=SecretStr("very secret"))

    assert "very secret" not in repr(settings)
