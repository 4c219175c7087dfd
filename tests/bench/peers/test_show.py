"""The comparison on a terminal."""

from io import StringIO

from rich.console import Console

from bench.peers.report import PeersPlan
from bench.peers.show import print_report
from tests.support.peer_reports import peers_report


def test_tables_say_all_and_what_is_left_out_stands_below_them() -> None:
    console = Console(file=StringIO(), width=140)
    report = peers_report(PeersPlan(rounds=1))
    print_report(console, report)
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue()

    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines()]
    plain = [cells[1:] for cells in rows if cells and cells[0] == "plain"]
    assert plain == [
        ["6,000", "5,000", "5,000", "2,500", "100.00", "0.1", "200", "0.4"],
        ["0.10", "0.04"],
        ["3,000", "1", "2", "0.2", "not in a minute", "1,800", "3", "1,100, 1,200"],
    ]
    end = printed.partition("2026-11-27 15:00 to 15:09 UTC on 2 processors")[2]
    assert "load average 1.5 at the beginning, 3.2 at the end" in end
    assert "Left out — Restate: there is no npm" in end
    unwrapped = " ".join(end.split())
    assert all(" ".join(line.split()) in unwrapped for line in report.leaves_out)
