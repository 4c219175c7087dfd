"""A chaos run on a terminal: a line for each round, and the report."""

from collections import defaultdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from practice.chaos.faults import FaultKind
from practice.chaos.report import ChaosReport, StruckRound
from practice.rush.notes import Quantiles
from practice.rush.show import print_checks

# From here on one wants to know what it was.
LONG_SECONDS = 5.0


def print_round(console: Console, one: StruckRound) -> None:
    together = " + ".join(str(fault) for fault in one.faults)
    ended = f"at rest after {one.recovery:.1f} s"
    if one.recovery > LONG_SECONDS:
        ended += f" (last: {', '.join(one.last)})"
    if not one.rested:
        ended = f"NOT AT REST after {one.recovery:.0f} s: {', '.join(one.unrest)}"
    console.print(f"{one.at:6.1f} s  {together}: {ended}", soft_wrap=True)
    for why in one.not_struck:
        console.print(f"          could not be struck: {why}", soft_wrap=True)


def print_report(console: Console, report: ChaosReport) -> None:
    console.print()
    console.print(_recoveries(report))
    console.print()
    console.print(_counts(report))
    if report.rush:
        print_checks(console, "What the crowd saw must hold", report.rush.crowd)
    else:
        console.print(Text(f"The crowd could not finish: {report.broken}", style="bold red"))
    print_checks(console, "The audit of all stores, whole", report.audit)
    for one in report.needed:
        line = f"A person is needed: {one.kind} {one.subject}: {one.what}"
        console.print(Text(line, style="red"), soft_wrap=True)
    console.print()
    if report.ok:
        said = "Nothing was lost, nothing was sold twice, and nobody was needed."
        console.print(Text(said, style="bold green"))
    else:
        console.print(Text("It does not hold.", style="bold red"))


def _recoveries(report: ChaosReport) -> Table:
    """By the kinds of faults that were in a round: one of three counts in each of its kinds."""
    kinds: dict[FaultKind, list[float]] = defaultdict(list)
    for one in report.rounds:
        for kind in {fault.kind for fault in one.faults}:
            kinds[kind].append(one.recovery)
    title = f"{report.faults} faults in {len(report.rounds)} rounds; seconds until all was at rest"
    table = Table(title=title, title_justify="left", min_width=60)
    table.add_column("rounds with a")
    for name in ("count", "p50", "p99", "most"):
        table.add_column(name, justify="right")
    for kind in FaultKind:
        _add(table, kind, Quantiles.of(kinds[kind]))
    table.add_section()
    _add(table, "all", report.recovery)
    return table


def _add(table: Table, name: str, found: Quantiles | None) -> None:
    if found:
        measured = (found.p50, found.p99, found.most)
        table.add_row(name, str(found.count), *(f"{one / 1000:.1f}" for one in measured))


def _counts(report: ChaosReport) -> Table:
    table = Table(title="Meanwhile", title_justify="left", min_width=60, show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    if report.rush:
        table.add_row("clicks", f"{report.rush.clicks:,}")
        table.add_row("tried again by buyers", f"{sum(report.rush.faults.values()):,}")
        for status, count in report.rush.orders.items():
            table.add_row(f"orders {status.replace('_', ' ')}", f"{count:,}")
    for title, counted in (
        ("attention raised", report.attentions),
        ("repair", report.repairs),
        ("warning", report.warnings),
    ):
        for name, count in sorted(counted.items()):
            table.add_row(f"{title}: {name.replace('_', ' ')}", f"{count:,}")
    table.add_row("load of the machine", " → ".join(f"{one:.1f}" for one in report.load))
    return table
