"""A bench too short to say anything runs to its end and fills every row."""

import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from typer.testing import CliRunner

from bench import latency, orders
from bench.figures import BenchPlan, Figure, figure
from bench.instruments import Instruments
from bench.posts import SOLD_OUT
from bench.report import BenchReport
from bench.variants import VariantsReport
from cli import app
from tests.support.bench_reports import POSTS
from tests.support.command_line import CommandLine

ROWS = {
    "empty FastAPI POST",
    "order accepted, token new to the api",
    "order accepted, token known",
    "refused: sold out",
    *orders.CEILINGS,
}


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_short_bench_fills_every_row(tmp_path: Path) -> None:
    seckill, file = CommandLine(tmp_path / "home"), tmp_path / "bench.json"
    short = (
        *("--rounds", "1", "--seconds", "0.5", "--connections", "4", "--orders", "3"),
        *("--rate", "5", "--offered-seconds", "1", "--frozen-seconds", "1"),
        *("--backlog", "9", "--samples", "3", "--streams", "6"),
        *("--people", "40", "--bot-clicks", "3"),
    )

    outcome = await seckill.run("bench", *short, "--json", str(file))

    assert outcome.code == 0, outcome.err
    report = BenchReport.model_validate(json.loads(file.read_text()))
    figures = (*report.posts, *report.orders)
    assert {figure.name for figure in figures} == ROWS
    assert all(figure.per_second > 0 for figure in figures)
    # The clock of CPU time ticks too slowly for three POSTs.
    (whole,) = [figure for figure in figures if figure.name == orders.WHOLE]
    assert whole.cpu_ms > 0
    assert report.history["WORKFLOW_EXECUTION_COMPLETED"] == 1
    assert report.latency is not None
    assert [(one.name, one.count, one.unanswered) for one in report.latency.waits] == [
        (name, 5, 0) for name in (latency.PAYABLE, latency.CASHIER, latency.PAID, latency.FULFILLED)
    ]
    assert all(0 < one.p50_ms <= one.p99_ms <= one.max_ms for one in report.latency.waits)
    assert all(name in outcome.out for name in ROWS)
    assert "History events per paid order" in outcome.out
    _backlog_is_whole(report)
    _streams_are_told(report)
    _carriers_came_back(report)
    assert report.frozen is not None
    assert [(one.name, one.count, one.unanswered) for one in report.frozen.waits] == [
        (name, 5, 0) for name in (latency.PAYABLE, latency.CASHIER, latency.PAID)
    ]
    assert report.opening is not None
    assert [room.ok for room in report.opening.rooms] == [True, True]
    assert seckill.processes() == []
    assert list(seckill.home.iterdir()) == []


def _streams_are_told(report: BenchReport) -> None:
    assert report.streams is not None
    for one in report.streams.waits:
        assert (one.count, one.unanswered) == (3, 0)
        assert 0 < one.p50_ms <= one.max_ms


def _backlog_is_whole(report: BenchReport) -> None:
    backlog = report.backlog
    assert backlog is not None
    assert 0 < backlog.half_payable_seconds <= backlog.payable_seconds
    assert backlog.workflows_seconds > 0
    assert 0 < backlog.paid_seconds <= backlog.fulfilled_seconds
    assert [one.count for one in backlog.waits] == [3, 3]
    assert backlog.paid_orders == 3
    assert {"api", "worker", "temporal", "postgres", "redis"} == set(backlog.memory_waiting)
    assert all(mib > 1 for mib in backlog.memory_waiting.values())


def _carriers_came_back(report: BenchReport) -> None:
    recovery = report.recovery
    assert recovery is not None
    assert recovery.killed == ("worker",)
    assert 0 < recovery.placing_seconds <= recovery.caught_up_seconds
    assert recovery.ready_seconds > 0


@pytest.fixture
def posts_alone(monkeypatch: pytest.MonkeyPatch) -> list[BenchPlan]:
    """The terms on which POSTs were measured, on a stack that is none and can do nothing else."""
    measured: list[BenchPlan] = []

    @asynccontextmanager
    async def open_stack() -> AsyncIterator[Any]:
        yield SimpleNamespace(stop_carriers=AsyncMock())

    class Posts:
        def __init__(self, _: object, plan: BenchPlan) -> None:
            measured.append(plan)

        async def measure(self) -> tuple[Figure, ...]:
            return (figure(SOLD_OUT, POSTS, POSTS, against=SOLD_OUT),)

    monkeypatch.setattr("bench.command.open_bench_stack", open_stack)
    monkeypatch.setattr("bench.command.Instruments.open_", AsyncMock(spec=Instruments))
    monkeypatch.setattr("bench.command.PostBench", Posts)
    monkeypatch.setattr("bench.command.signal.signal", lambda *_: None)
    monkeypatch.setattr("bench.machine.LOOK_SECONDS", 0.01)
    return measured


def test_one_part_alone_in_turns_with_another_environment(
    posts_alone: list[BenchPlan], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each turn's process is the command itself, in this one: the test above starts a stack."""

    def run(argv: Sequence[str], **_: Any) -> "subprocess.CompletedProcess[bytes]":
        module, *arguments = argv[2:]
        assert module == "cli"
        ended = CliRunner().invoke(app, arguments)
        return subprocess.CompletedProcess([], ended.exit_code, b"", ended.output.encode())

    monkeypatch.setattr("bench.variants.subprocess.run", run)
    file = tmp_path / "turns.json"
    short = ("--only", "posts", "--rounds", "1", "--seconds", "0.3", "--connections", "2")
    in_turns = ("--turns", "1", "--variant", "quiet=SECKILL_LOG_LEVEL=ERROR", "--json", str(file))

    outcome = CliRunner().invoke(app, ["bench", *short, *in_turns])

    assert outcome.exit_code == 0, outcome.output
    assert [(plan.rounds, plan.seconds, plan.connections) for plan in posts_alone] == [
        (1, 0.3, 2),
        (1, 0.3, 2),
    ]
    report = VariantsReport.model_validate(json.loads(file.read_text()))
    assert report.environments == {"as it is": {}, "quiet": {"SECKILL_LOG_LEVEL": "ERROR"}}
    assert all(len(turns) == 1 for turns in report.turns.values())
    assert all(turn.posts and not turn.orders for (turn,) in report.turns.values())
    assert "refused: sold out, per second" in outcome.output
