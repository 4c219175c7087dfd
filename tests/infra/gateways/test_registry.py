from pathlib import Path

import pytest

from domain.payment import PaymentMethod
from infra.gateways.registry import open_gateways, open_return_check
from infra.gateways.rsa import UnusableKey
from infra.postgres.engine import Database
from infra.settings import AlipaySettings, Settings, WechatPaySettings
from tests.support.notice_keys import PAYMENT_ID, AlipaySide


def settings_with(
    alipay: AlipaySettings | None = None, wechatpay: WechatPaySettings | None = None
) -> Settings:
    settings = Settings()
    settings.__dict__["alipay"] = alipay or AlipaySettings(gateway_url="")
    settings.__dict__["wechatpay"] = wechatpay or WechatPaySettings(gateway_url="")
    return settings


@pytest.fixture
def nowhere() -> Database:
    """Never reached: opening gateways asks nobody."""
    return Database.connect("postgresql://nobody@127.0.0.1:1/nothing")


async def test_points_are_there_always_and_providers_when_their_settings_are_complete(
    alipay_settings: AlipaySettings, wechatpay_settings: WechatPaySettings, nowhere: Database
) -> None:
    assert set(open_gateways(settings_with(), nowhere)) == {PaymentMethod.POINTS}
    both = open_gateways(settings_with(alipay_settings, wechatpay_settings), nowhere)
    assert {method: gateway.method for method, gateway in both.items()} == {
        PaymentMethod.ALIPAY: PaymentMethod.ALIPAY,
        PaymentMethod.WECHATPAY: PaymentMethod.WECHATPAY,
        PaymentMethod.POINTS: PaymentMethod.POINTS,
    }
    for gateway in both.values():
        await gateway.aclose()


@pytest.mark.parametrize(
    "name", ["gateway_url", "app_id", "seller_id", "app_private_key", "provider_public_key"]
)
def test_alipay_needs_each_of_its_settings(
    alipay_settings: AlipaySettings, nowhere: Database, name: str
) -> None:
    empty = type(getattr(AlipaySettings(), name))()
    spoilt = alipay_settings.model_copy(update={name: empty or None})
    assert PaymentMethod.ALIPAY not in open_gateways(settings_with(alipay=spoilt), nowhere)


def test_the_api_v3_key_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wechatpay_settings: WechatPaySettings
) -> None:
    path = tmp_path / "key.txt"
    path.write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setenv("SECKILL_WECHATPAY_API_V3_KEY_FILE", str(path))
    settings = WechatPaySettings()
    assert settings.read_api_v3_key() == b"0123456789abcdef0123456789abcdef"
    assert "0123456789abcdef" not in repr(settings)


def test_an_unreadable_key_stops_the_start(
    alipay_settings: AlipaySettings,
    wechatpay_settings: WechatPaySettings,
    nowhere: Database,
    tmp_path: Path,
) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(UnusableKey, match=r"missing\.pem"):
        open_gateways(
            settings_with(alipay_settings.model_copy(update={"app_private_key": missing})), nowhere
        )
    (tmp_path / "text.pem").write_text("no key")
    spoilt = wechatpay_settings.model_copy(update={"merchant_private_key": tmp_path / "text.pem"})
    with pytest.raises(UnusableKey, match=r"text\.pem"):
        open_gateways(settings_with(wechatpay=spoilt), nowhere)


def test_the_return_page_is_checked_where_alipay_is_set_up(
    alipay_settings: AlipaySettings, alipay_side: AlipaySide
) -> None:
    assert open_return_check(settings_with()) is None
    check = open_return_check(settings_with(alipay_settings))
    assert check is not None
    assert check(alipay_side.seal(alipay_side.paid())) == PAYMENT_ID
    assert check(alipay_side.paid()) is None
