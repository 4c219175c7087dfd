"""What the environment says about the embedded stack."""

import pytest

from practice.stack.settings import EmbeddedSettings, without_password


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("redis://:p:w@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://u:p@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u@host/db?password=p&x=1", "postgresql://u@host/db?password=***&x=1"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("host=db user=u password='p w' port=5", "host=db user=u password=*** port=5"),
        (r"password=p\ w sslpassword = q dbname=x", "password=*** sslpassword = *** dbname=x"),
    ],
)
def test_a_password_is_starred_out_before_an_address_is_written(url: str, written: str) -> None:
    assert without_password(url) == written


def test_only_a_port_that_is_set_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECKILL_API_PORT", "8000")
    monkeypatch.setenv("SECKILL_REDIS_PORT", "")
    assert EmbeddedSettings().wanted_ports() == {"api": 8000}


def test_a_server_whose_address_is_set_runs_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EmbeddedSettings().servers_elsewhere() == {}
    monkeypatch.setenv("SECKILL_REDIS_URL", "redis://far:6379/0")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "cloud:7233")
    assert EmbeddedSettings().servers_elsewhere() == {
        "redis": "redis://far:6379/0",
        "temporal": "cloud:7233",
    }
