"""Settings the API refuses to start with, each in one line that names the variable."""

from typing import Any

import pytest

from api.app import create_app
from infra.settings import Settings, UnusableSetting

SECRET = "x" * 32
PRACTICE: dict[str, Any] = {"jwt_secret": SECRET, "dev_login": True}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALIPAY_GATEWAY_URL", "WECHATPAY_GATEWAY_URL", "PUBLIC_URL", "API_HOST"):
        monkeypatch.delenv(f"SECKILL_{name}", raising=False)


def refused(**settings: Any) -> str:
    with pytest.raises(UnusableSetting) as refusal:
        create_app(Settings(**settings))
    line = str(refusal.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("secret", ["a", "x" * 31, "é" * 15])
def test_a_secret_that_can_be_guessed(secret: str) -> None:
    assert "SECKILL_JWT_SECRET" in refused(jwt_secret=secret)


def test_a_secret_is_counted_in_bytes() -> None:
    create_app(Settings(jwt_secret="é" * 16))


def test_a_key_set_without_an_audience() -> None:
    assert "SECKILL_JWT_AUDIENCE" in refused(jwks_url="https://id.example/jwks")


@pytest.mark.parametrize("audience", ["shop", "*"])
def test_a_key_set_with_an_audience_or_with_the_word_for_any(audience: str) -> None:
    create_app(Settings(jwks_url="https://id.example/jwks", jwt_audience=audience))


@pytest.mark.parametrize(
    "gateway", ["https://openapi.alipay.com/gateway.do", "http://192.168.1.9/x", "not a url"]
)
@pytest.mark.parametrize("provider", ["ALIPAY", "WECHATPAY"])
def test_a_practice_login_beside_real_money(
    monkeypatch: pytest.MonkeyPatch, provider: str, gateway: str
) -> None:
    monkeypatch.setenv(f"SECKILL_{provider}_GATEWAY_URL", gateway)

    assert f"SECKILL_{provider}_GATEWAY_URL" in refused(**PRACTICE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "https://shop.example"),
        ("public_url", "http://127.0.0.1.example"),
        ("api_host", "0.0.0.0"),  # noqa: S104
        ("api_host", "::"),
        ("api_host", ""),
        ("api_host", "shop.example"),
    ],
)
def test_a_practice_login_where_others_can_come(name: str, value: str) -> None:
    assert f"SECKILL_{name.upper()}" in refused(**{**PRACTICE, name: value})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]", "api.localhost"])
def test_a_practice_login_on_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("SECKILL_ALIPAY_GATEWAY_URL", f"http://{host}:1/gateway.do")

    create_app(Settings(**PRACTICE, public_url=f"http://{host}:1", api_host=host))
