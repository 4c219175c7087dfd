"""A bench report on a terminal."""

from io import StringIO

from rich.console import Console

from bench.figures import BenchPlan
from bench.report import BenchReport
from bench.show import print_report
from tests.support.bench_reports import MACHINE, a_report


def printed(report: BenchReport) -> list[str]:
    out = StringIO()
    print_report(Console(file=out, width=140), report)
    return out.getvalue().splitlines()


def cells(lines: list[str], name: str) -> list[list[str]]:
    """Of each row of this name, in the order they are printed."""
    rows = ([cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line)
    return [row[1:] for row in rows if row[0] == name]


def test_every_figure_has_its_row_its_ceiling_and_a_wait_only_if_it_was_measured() -> None:
    lines = printed(a_report())
    accepted, share_of_accepted = cells(lines, "order accepted")
    paid, share_of_paid = cells(lines, "order paid")
    assert accepted == ["1,234", "1.00", "0.405", "1.2", "9.8", ""]
    assert paid == ["12.3", "2.00", "20.3", "", "", "a ceiling"]
    assert (share_of_accepted, share_of_paid) == (["50", "", ""], ["", "25", "10"])


def test_waits_stages_and_memory_have_theirs() -> None:
    lines = printed(a_report())
    at_a_rate, while_frozen, among_many, *others = cells(lines, "notice → paid")
    assert at_a_rate == while_frozen == among_many == ["3", "200", "200", "300", "0"]
    assert others == [at_a_rate] * 2
    assert cells(lines, "all payable") == [["3.0"]]
    assert cells(lines, "1,000 notices at once → all fulfilled") == [["60.0"]]
    assert cells(lines, "all wait") == [["150"]]
    assert cells(lines, "KiB per waiting order") == [["50.0"]]


def test_an_opening_has_a_column_for_each_of_its_rooms() -> None:
    lines = printed(a_report())
    assert cells(lines, "clicks to join") == [["157", "157"]]
    assert cells(lines, "s to draw: read, draw, fix") == [["0.10, 0.35, 0.02", ""]]
    assert cells(lines, "of their fair share bots got") == [["1.00", "1.00"]]
    assert cells(lines, "all is as it should be") == [["yes", "yes"]]


def test_what_is_one_figure_is_one_line() -> None:
    assert printed(a_report())[-5:] == [
        "History events per paid order: 3 (2 timer_started, 1 marker_recorded)",
        "Cashiers shown while all wait: 123 a second",
        "5,000 streams: all open after 12.5 s, 20.2 KiB of the api for each",
        "kill -9 of worker: ready again after 1.5 s, placing again after 2.5 s, "
        "nothing left behind after 3.5 s",
        "2 processors, Python 3.11, 2026-11-27; others had 25% of them before and 50% after",
    ]


def test_what_was_not_measured_is_not_printed() -> None:
    (machine,) = [line for line in printed(BenchReport(plan=BenchPlan(), machine=MACHINE)) if line]
    assert machine.startswith("2 processors")
