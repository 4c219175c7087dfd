"""A bench too short to say anything runs to its end and fills every row."""

import json
from pathlib import Path

import pytest

from bench import latency, orders
from bench.report import BenchReport
from bench.variants import VariantsReport
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
        *("--rate", "5", "--offered-seconds", "1", "--backlog", "9", "--samples", "3"),
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
    _carriers_came_back(report)
    assert report.opening is not None
    assert [room.ok for room in report.opening.rooms] == [True, True]
    assert seckill.processes() == []
    assert list(seckill.home.iterdir()) == []


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


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(240)
async def test_one_part_alone_in_turns_with_another_environment(tmp_path: Path) -> None:
    seckill, file = CommandLine(tmp_path / "home"), tmp_path / "turns.json"
    short = ("--only", "posts", "--rounds", "1", "--seconds", "0.3", "--connections", "2")

    outcome = await seckill.run(
        "bench", *short, "--turns", "1", "--variant", "quiet=SECKILL_LOG_LEVEL=ERROR",
        "--json", str(file),
    )  # fmt: skip

    assert outcome.code == 0, outcome.err
    report = VariantsReport.model_validate(json.loads(file.read_text()))
    assert report.environments == {"as it is": {}, "quiet": {"SECKILL_LOG_LEVEL": "ERROR"}}
    assert all(len(turns) == 1 for turns in report.turns.values())
    assert all(turn.posts and not turn.orders for (turn,) in report.turns.values())
    assert "refused: sold out, per second" in outcome.out
