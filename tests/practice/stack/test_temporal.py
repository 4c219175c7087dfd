"""The embedded Temporal."""

from pathlib import Path

import pytest

from infra.temporal.search_attributes import SEARCH_TYPES
from practice.stack.ports import free_port
from practice.stack.temporal import TemporalServer


def test_it_knows_our_search_attributes_from_the_start() -> None:
    argv = TemporalServer(port=1, http_port=2).command().argv
    assert {f"{name}={kind}" for name, kind in SEARCH_TYPES.items()} <= set(argv)


def test_without_a_port_for_it_there_is_no_ui_and_without_a_file_no_memory(tmp_path: Path) -> None:
    bare = TemporalServer(port=1, http_port=2)
    whole = TemporalServer(port=1, http_port=2, ui_port=3, database=tmp_path / "temporal.db")
    assert bare.ui_url is None
    assert "--headless" in bare.command().argv
    assert "--db-filename" not in bare.command().argv
    assert whole.ui_url == "http://127.0.0.1:3"
    assert "--headless" not in whole.command().argv
    assert str(tmp_path / "temporal.db") in whole.command().argv


def test_the_callers_own_environment_may_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOGC", raising=False)
    assert TemporalServer(port=1, http_port=2).command().env["GOGC"] == "400"
    monkeypatch.setenv("GOGC", "100")
    assert TemporalServer(port=1, http_port=2).command().env["GOGC"] == "100"


async def test_it_is_not_ready_where_nobody_listens() -> None:
    assert not await TemporalServer(port=free_port(), http_port=free_port()).ready()
