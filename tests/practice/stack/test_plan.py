"""Which processes a stack consists of, and where each of them is."""

from pathlib import Path

import pytest

from practice.provider.keys import Keys
from practice.stack.home import Home
from practice.stack.parts import EVERYTHING, PROCESSES
from practice.stack.plan import plan_stack
from practice.stack.settings import EmbeddedSettings
from practice.stack.temporal import TemporalServer


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def names(plan_of: EmbeddedSettings, home: Home) -> list[str]:
    return [process.name for process in plan_stack(plan_of, home).processes]


def test_everything_runs_here_unless_the_environment_names_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(EmbeddedSettings(), home) == list(PROCESSES)
    monkeypatch.setenv("SECKILL_REDIS_URL", "redis://far:6379/0")
    plan = plan_stack(EmbeddedSettings(), home)
    assert {process.name for process in plan.processes} == EVERYTHING - {"redis"}
    assert plan.address("redis") == "redis://far:6379/0"


def test_with_two_real_gateways_nobody_practises(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECKILL_ALIPAY_GATEWAY_URL", "https://a.example")
    assert "sandbox" in names(EmbeddedSettings(), home)
    monkeypatch.setenv("SECKILL_WECHATPAY_GATEWAY_URL", "https://w.example")
    assert "sandbox" not in names(EmbeddedSettings(), home)


def test_a_plan_can_be_cut_down_to_parts_that_there_are(home: Home) -> None:
    plan = plan_stack(EmbeddedSettings(), home)
    few = plan.only(frozenset({"redis", "api"}))
    assert [process.name for process in few.processes] == ["redis", "api"]
    assert few.address("postgres") is None
    with pytest.raises(ValueError, match="no such process: mysql"):
        plan.only(frozenset({"mysql"}))


def test_asking_changes_nothing(home: Home) -> None:
    plan_stack(EmbeddedSettings(), home, remember=False)
    assert not (home.root / "ports.json").exists()
    planned = plan_stack(EmbeddedSettings(), home)
    again = plan_stack(EmbeddedSettings(), home, remember=False)
    assert planned.address("api") == again.address("api")
    assert planned.temporal_ui_url == again.temporal_ui_url is not None


def test_temporal_gives_way_as_far_as_it_is_told(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for nice in (EmbeddedSettings().temporal_nice, 3):
        monkeypatch.setenv("SECKILL_TEMPORAL_NICE", str(nice))
        servers = plan_stack(EmbeddedSettings(), home).servers
        (temporal,) = (server for server in servers if isinstance(server, TemporalServer))
        assert temporal.command().nice == nice > 0


def test_applications_may_be_led_to_a_server_another_way(home: Home) -> None:
    Keys(home.sandbox_keys_dir)
    way = {"redis": "redis://127.0.0.1:1/0", "sandbox": "http://127.0.0.1:2"}
    plan = plan_stack(EmbeddedSettings(), home, through=way)
    worker = next(one for one in plan.applications if one.name == "worker").command().env

    assert worker["SECKILL_REDIS_URL"] == way["redis"]
    assert worker["SECKILL_ALIPAY_GATEWAY_URL"].startswith(way["sandbox"])
    assert worker["SECKILL_POSTGRES_DSN"] == plan.address("postgres")
    assert plan.address("redis") != way["redis"]
