"""A bench report on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.figures import BenchReport, Figure


def print_report(console: Console, report: BenchReport) -> None:
    for title, figures in (
        (f"POSTs, {report.plan.connections} connections", report.posts),
        (f"Orders, {report.plan.orders} at once", report.orders),
    ):
        console.print()
        console.print(_rates(title, figures))
    console.print()
    console.print(_cpu((*report.posts, *report.orders)))
    console.print()
    kinds = ", ".join(f"{count} {name.lower()}" for name, count in report.history.items())
    console.print(f"History events per paid order: {report.events_per_order} ({kinds})")


def _rates(title: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in ("per second", "ratio", "CPU ms each", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right")
    for one in figures:
        rate = f"{one.per_second:,.0f}" if one.per_second >= 100 else f"{one.per_second:.1f}"
        waits = (f"{wait:.1f}" if wait is not None else "" for wait in (one.p50_ms, one.p99_ms))
        table.add_row(one.name, rate, f"{one.ratio:.2f}", f"{one.cpu_ms:.3g}", *waits)
    return table


def _cpu(figures: Sequence[Figure]) -> Table:
    names = list(dict.fromkeys(name for one in figures for name in one.cpu))
    table = Table(title="Share of one processor, in %", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for one in figures:
        shares = (one.cpu.get(name) for name in names)
        table.add_row(
            one.name, *("" if share is None else f"{100 * share:.0f}" for share in shares)
        )
    return table
