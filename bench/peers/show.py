"""The comparison on a terminal."""

from statistics import median

from rich.console import Console
from rich.table import Table

from bench.figures import BENCH
from bench.peers.contender import PRODUCT
from bench.peers.report import PeersReport, Standing
from bench.show import empty_table, rate


def print_report(console: Console, report: PeersReport) -> None:
    console.print()
    console.print(_rates(report))
    console.print()
    console.print(_cpu(report))
    console.print()
    console.print(_kills(report))
    before, after = report.load
    console.print()
    console.print(
        f"{report.began:%Y-%m-%d %H:%M} to {report.ended:%H:%M} UTC on {report.processors}"
        f" processors; load average {before:.1f} at the beginning, {after:.1f} at the end"
    )
    for missing in report.missing:
        console.print(f"Left out — {missing}")
    console.print()
    console.print("What this comparison leaves out:")
    for line in report.leaves_out:
        console.print(f"- {line}")


def _rates(report: PeersReport) -> Table:
    table = empty_table(
        f"Orders per second, median of {report.plan.rounds} rounds in turn; ratios to the product",
        *("orders", "click → waits", "money → paid", "both", "ratio"),
        *("CPU ms, both", "product's CPU ÷", "others' CPUs"),
    )
    product = next(it for it in report.standings if it.name == PRODUCT)
    for one in report.standings:
        table.add_row(
            one.name,
            f"{one.orders:,}",
            *(rate(figure.per_second) for figure in (one.placing, one.paying, one.both)),
            f"{one.both.ratio:.2f}",
            f"{one.both.cpu_ms:.3g}",
            f"{product.both.cpu_ms / one.both.cpu_ms:.3g}",
            f"{one.others:.1f}",
        )
    return table


def _cpu(report: PeersReport) -> Table:
    names = list(dict.fromkeys(name for one in report.standings for name in one.both.cpu))
    names.sort(key=lambda name: name == BENCH)
    table = empty_table("CPU ms per order, both stages", *names)
    for one in report.standings:
        table.add_row(one.name, *(_milliseconds(one, name) for name in names))
    return table


def _kills(report: PeersReport) -> Table:
    table = empty_table(
        "kill -9 of the worker, while it places and while it books money",
        *("orders", "lost", "doubled", "placing back, s", "money back, s"),
        *("not acknowledged", "left behind", "placed, paid at the kill"),
    )
    for one in report.survivals:
        table.add_row(
            one.name,
            f"{one.orders:,}",
            str(one.lost),
            str(one.doubled),
            _seconds(one.placing_back_seconds),
            _seconds(one.paying_back_seconds),
            f"{one.unacknowledged:,}",
            str(one.left_behind),
            f"{one.placed_at_kill:,}, {one.paid_at_kill:,}",
        )
    return table


def _milliseconds(standing: Standing, name: str) -> str:
    """Of each round first: a round in which all is slow would else weigh more than the others."""
    rounds = [one for one in standing.both.rounds if name in one.cpu]
    if not rounds:
        return ""
    return f"{1000 * median(one.cpu[name] / one.per_second for one in rounds):.2f}"


def _seconds(seconds: float | None) -> str:
    return "not in a minute" if seconds is None else f"{seconds:.1f}"
