"""A bench report on a terminal."""

from io import StringIO

from rich.console import Console

from bench.figures import BENCH, BenchPlan, BenchReport, Round, figure
from bench.show import print_report


def test_every_figure_has_its_row_and_a_wait_only_if_it_was_measured() -> None:
    posts = [Round(per_second=1234, cpu={"api": 0.5}, p50_ms=1.25, p99_ms=9.75)]
    orders = [Round(per_second=12.3, cpu={"worker": 0.25, BENCH: 0.1})]
    report = BenchReport(
        plan=BenchPlan(),
        posts=(figure("order accepted", posts, posts),),
        orders=(figure("order paid", orders, orders),),
        history={"TIMER_STARTED": 2},
    )
    console = Console(file=StringIO(), width=120)
    print_report(console, report)
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    rates = {line.split("│")[1].strip(): line for line in lines if "│ order" in line}
    first = {line.split("│")[1].strip(): line for line in reversed(lines) if "│ order" in line}
    assert [cell.strip() for cell in first["order accepted"].split("│")[2:7]] == [
        "1,234", "1.00", "0.405", "1.2", "9.8",
    ]  # fmt: skip
    assert [cell.strip() for cell in first["order paid"].split("│")[2:7]] == [
        "12.3", "1.00", "20.3", "", "",
    ]  # fmt: skip
    assert [cell.strip() for cell in rates["order paid"].split("│")[2:5]] == ["", "25", "10"]
    assert lines[-1] == "History events per paid order: 2 (2 timer_started)"
