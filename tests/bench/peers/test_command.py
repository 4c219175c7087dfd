"""`seckill bench-peers` and its options. What it runs is not run here: that needs installs."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.peers.names import PeerName
from bench.peers.report import PeersPlan, PeersReport
from cli import app
from tests.support.peer_reports import peers_report


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[PeersPlan, list[str]]]:
    """What was to be compared."""
    calls: list[tuple[PeersPlan, list[str]]] = []

    async def compare(plan: PeersPlan, peers: Sequence[PeerName], _: Console) -> PeersReport:
        calls.append((plan, [*peers]))
        return peers_report(plan)

    monkeypatch.setattr("bench.peers.command.compare", compare)
    monkeypatch.setattr("bench.peers.command.signal.signal", lambda *_: None)
    return calls


def test_all_peers_are_compared_unless_some_are_named(
    asked: list[tuple[PeersPlan, list[str]]],
) -> None:
    assert CliRunner().invoke(app, ["bench-peers"]).exit_code == 0
    named = ["--peer", "plain", "--peer", "dbos", "--rounds", "1", "--orders", "9"]
    assert CliRunner().invoke(app, ["bench-peers", *named]).exit_code == 0

    assert asked == [
        (PeersPlan(), ["plain", "dbos", "restate"]),
        (PeersPlan(rounds=1, orders=9), ["plain", "dbos"]),
    ]


def test_all_figures_are_written_beside_the_table(
    asked: list[tuple[PeersPlan, list[str]]], tmp_path: Path
) -> None:
    file = tmp_path / "peers.json"

    outcome = CliRunner().invoke(app, ["bench-peers", "--rounds", "1", "--json", str(file)])

    assert PeersReport.model_validate_json(file.read_bytes()) == peers_report(asked[0][0])
    assert "What this comparison leaves out" in outcome.output


@pytest.mark.parametrize("wrong", [("--peer", "kafka"), ("--orders", "2"), ("--rounds", "0")])
def test_what_cannot_be_compared_is_refused(
    wrong: tuple[str, str], asked: list[tuple[PeersPlan, list[str]]]
) -> None:
    assert CliRunner().invoke(app, ["bench-peers", *wrong]).exit_code == 2
    assert asked == []
