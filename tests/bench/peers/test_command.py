"""`seckill bench-peers`, its options, and a comparison too short to say anything. The engines of
others are not run here: they need installs."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.peers.names import PeerName
from bench.peers.report import PeersPlan, PeersReport
from cli import app
from tests.support.command_line import CommandLine
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


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_short_comparison_with_the_one_written_by_hand(tmp_path: Path) -> None:
    seckill, file = CommandLine(tmp_path / "home"), tmp_path / "peers.json"

    outcome = await seckill.run(
        *("bench-peers", "--peer", "plain", "--rounds", "1", "--orders", "6"),
        *("--json", str(file)),
    )

    assert outcome.code == 0, outcome.err
    report = PeersReport.model_validate_json(file.read_bytes())
    assert [one.name for one in report.standings] == ["product", "plain"]
    assert all(one.both.per_second > 0 and one.both.cpu_ms > 0 for one in report.standings)
    assert [one.name for one in report.survivals] == ["product", "plain"]
    assert {(one.lost, one.doubled, one.left_behind) for one in report.survivals} == {(0, 0, 0)}
    assert report.missing == ()
    assert seckill.processes() == []
    assert list(seckill.home.iterdir()) == []
