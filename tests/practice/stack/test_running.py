"""What runs on this machine, for commands that are not told where to look."""

import os
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest

from infra.settings import AlipaySettings, WechatPaySettings
from practice.stack.home import Home
from practice.stack.running import running_settings, settings_of_the_running_api
from practice.stack.stack_file import StackFile


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    # Set and taken back by the test's end, whatever is written into it meanwhile.
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")
    monkeypatch.setenv("SECKILL_HOME", str(tmp_path))
    home = Home(tmp_path)
    home.create()
    return home


def remember_stack(home: Home) -> None:
    StackFile(
        api_url="", temporal_address="127.0.0.1:3", temporal_ui_url=None,
        redis_url="redis://127.0.0.1:1/0", postgres_dsn="postgresql://postgres@127.0.0.1:2/seckill",
        sandbox_url="http://127.0.0.1:4", sandbox_keys_dir=None, operator_token="",
        log_dir=home.log_dir, pids={},
    ).write(home)  # fmt: skip


def test_the_stores_of_the_stack_that_runs_are_looked_at(home: Home) -> None:
    remember_stack(home)
    settings = running_settings()
    assert settings.redis_url == "redis://127.0.0.1:1/0"
    assert settings.postgres_dsn == "postgresql://postgres@127.0.0.1:2/seckill"
    assert settings.sandbox_url == "http://127.0.0.1:4"
    assert os.environ["TEMPORAL_ADDRESS"] == "127.0.0.1:3"


def test_what_the_environment_names_goes_before(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_stack(home)
    monkeypatch.setenv("SECKILL_REDIS_URL", "redis://far:6379/0")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "cloud:7233")
    assert running_settings().redis_url == "redis://far:6379/0"
    assert os.environ["TEMPORAL_ADDRESS"] == "cloud:7233"


def test_without_a_stack_the_environment_alone_counts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECKILL_REDIS_URL", "redis://far:6379/0")
    assert running_settings().redis_url == "redis://far:6379/0"
    assert os.environ["TEMPORAL_ADDRESS"] == ""


def test_the_running_api_is_seen_with_its_accounts(home: Home, keys_dir: Path) -> None:
    remember_stack(home)
    shutil.copytree(keys_dir, home.sandbox_keys_dir, dirs_exist_ok=True)
    with patch.dict(os.environ, {"SECKILL_WECHATPAY_GATEWAY_URL": "https://real.example"}):
        settings_of_the_running_api()
        alipay, wechatpay = AlipaySettings(), WechatPaySettings()
    assert alipay.gateway_url == "http://127.0.0.1:4/alipay/gateway.do"
    assert alipay.app_private_key == home.sandbox_keys_dir / "alipay_app_private.pem"
    # Whose keys are real is left as he set it.
    assert wechatpay.gateway_url == "https://real.example"
    assert wechatpay.mchid == ""
