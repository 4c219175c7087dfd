"""A bench too short to say anything runs to its end and fills every row."""

import json
from pathlib import Path

import pytest

from bench.figures import BenchReport
from tests.support.command_line import CommandLine

ROWS = {
    "empty FastAPI POST",
    "order accepted",
    "order accepted, token new to the api",
    "refused: sold out",
    "no-op workflow",
    "order: click → waits for payment",
    "order: asks to pay → cashier",
    "order: money → paid",
    "order: click → waits, money → paid",
    "order: click → cashier → paid",
}


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_short_bench_fills_every_row(tmp_path: Path) -> None:
    seckill, file = CommandLine(tmp_path / "home"), tmp_path / "bench.json"
    short = ("--rounds", "1", "--seconds", "0.5", "--connections", "4", "--orders", "3")

    outcome = await seckill.run("bench", *short, "--json", str(file))

    assert outcome.code == 0, outcome.err
    report = BenchReport.model_validate(json.loads(file.read_text()))
    figures = (*report.posts, *report.orders)
    assert {figure.name for figure in figures} == ROWS
    assert all(figure.per_second > 0 and figure.cpu_ms > 0 for figure in figures)
    assert report.history["WORKFLOW_EXECUTION_COMPLETED"] == 1
    assert all(name in outcome.out for name in ROWS)
    assert "History events per paid order" in outcome.out
    assert seckill.processes() == []
    assert list(seckill.home.iterdir()) == []
