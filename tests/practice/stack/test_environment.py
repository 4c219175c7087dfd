"""What the api and the worker of a stack are told."""

import json
from pathlib import Path

import pytest

from infra.settings import Settings
from practice.stack.environment import application_environment
from practice.stack.home import Home
from practice.stack.settings import EmbeddedSettings

ADDRESSES = {
    "redis": "redis://127.0.0.1:1/0",
    "postgres": "postgresql://postgres@127.0.0.1:2/seckill",
    "temporal": "127.0.0.1:3",
    "sandbox": "http://127.0.0.1:4",
    "api": "http://127.0.0.1:5",
    "worker": "http://127.0.0.1:6",
}
ACCOUNTS = ("app_id", "seller_id", "appid", "mchid", "merchant_serial")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    home.sandbox_keys_dir.mkdir(parents=True)
    accounts = {name: f"the {name}" for name in ACCOUNTS}
    (home.sandbox_keys_dir / "accounts.json").write_text(json.dumps(accounts))
    (home.sandbox_keys_dir / "wechatpay_api_v3_key.txt").write_text("0123456789abcdef" * 2)
    return home


@pytest.fixture(autouse=True)
def only_what_a_test_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECKILL_ALIPAY_GATEWAY_URL", "SECKILL_JWT_SECRET", "TEMPORAL_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def environment_of(home: Home, addresses: dict[str, str] | None = None) -> dict[str, str]:
    return application_environment(EmbeddedSettings(), home, addresses or ADDRESSES)


def test_it_completes_the_settings_and_both_payment_accounts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment_of(home).items():
        monkeypatch.setenv(name, value)
    settings = Settings()

    assert settings.redis_url == ADDRESSES["redis"]
    assert settings.postgres_dsn == ADDRESSES["postgres"]
    assert settings.public_url == ADDRESSES["api"]
    assert settings.dev_login
    assert settings.alipay.enabled
    assert settings.alipay.app_id == "the app_id"
    assert settings.wechatpay.enabled
    assert settings.wechatpay.mchid == "the mchid"


def test_a_real_gateway_is_left_as_it_is_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECKILL_ALIPAY_GATEWAY_URL", "https://gateway.example/gateway.do")

    environment = environment_of(home)

    assert environment["SECKILL_ALIPAY_GATEWAY_URL"] == "https://gateway.example/gateway.do"
    assert "SECKILL_ALIPAY_APP_ID" not in environment
    assert environment["SECKILL_WECHATPAY_MCHID"] == "the mchid"


@pytest.mark.parametrize(
    ("name", "url", "login"),
    [
        ("ALIPAY_GATEWAY_URL", "https://gateway.example/gateway.do", "false"),
        ("WECHATPAY_GATEWAY_URL", "https://gateway.example", "false"),
        ("PUBLIC_URL", "https://shop.example", "false"),
        ("PUBLIC_URL", "http://localhost:8000", "true"),
        ("ALIPAY_GATEWAY_URL", "http://127.0.0.1:9/gateway.do", "true"),
        ("DEV_LOGIN", "false", "false"),
    ],
)
def test_a_practice_login_only_where_all_is_practice(
    home: Home, monkeypatch: pytest.MonkeyPatch, name: str, url: str, login: str
) -> None:
    monkeypatch.setenv(f"SECKILL_{name}", url)

    assert environment_of(home)["SECKILL_DEV_LOGIN"] == login


def test_a_key_for_the_callers_own_temporal_is_not_sent_to_the_embedded_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "for-the-cloud")
    elsewhere = {name: address for name, address in ADDRESSES.items() if name != "temporal"}

    assert "TEMPORAL_API_KEY" not in environment_of(home)
    assert environment_of(home)["TEMPORAL_ADDRESS"] == ADDRESSES["temporal"]
    assert environment_of(home, elsewhere)["TEMPORAL_API_KEY"] == "for-the-cloud"


def test_the_secret_is_made_once_unless_the_caller_has_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = environment_of(home)["SECKILL_JWT_SECRET"]

    assert len(made) >= 32
    assert environment_of(home)["SECKILL_JWT_SECRET"] == made
    monkeypatch.setenv("SECKILL_JWT_SECRET", "mine")
    assert environment_of(home)["SECKILL_JWT_SECRET"] == "mine"
