"""A bench report on a terminal."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from bench.figures import Figure
from bench.opening.report import OpeningReport, RoomReport
from bench.report import BacklogReport, BenchReport, RecoveryReport, StreamReport
from bench.waits import Waits

# Below it two places after the point say nothing.
SMALL_RATIO = 0.05


def print_report(console: Console, report: BenchReport) -> None:
    tables = [
        *_figures(f"POSTs, {report.plan.connections} connections", report.posts),
        *_figures(f"Orders, {report.plan.orders} at once", report.orders),
    ]
    if report.latency:
        title = f"Milliseconds while {report.latency.per_second:g} buyers a second come"
        tables += [_waits(title, report.latency.waits)]
    if frozen := report.frozen:
        title = f"Milliseconds at {frozen.per_second:g} a second, {frozen.frozen} frozen"
        tables += [_waits(f"{title} for {frozen.seconds:g} s", frozen.waits)]
    if report.backlog:
        tables += _backlog(report.backlog)
    if report.streams:
        title = f"Milliseconds with {report.streams.streams:,} streams open"
        tables += [_waits(title, report.streams.waits)]
    if report.opening:
        tables.append(_opening(report.opening))
    for table in (*tables, *_cpu(report)):
        console.print()
        console.print(table)
    console.print()
    for line in _lines(report):
        console.print(line)


def _figures(title: str, figures: Sequence[Figure]) -> list[Table]:
    """No table when this part was not measured."""
    table = empty_table(title, "per second", "ratio", "CPU ms each", "p50 ms", "p99 ms")
    table.add_column("ratio to")
    for one in figures:
        waits = (f"{wait:.1f}" if wait is not None else "" for wait in (one.p50_ms, one.p99_ms))
        ceiling = "" if one.against == one.name else one.against
        ratio = f"{one.ratio:.2f}" if one.ratio >= SMALL_RATIO else f"{one.ratio:.1g}"
        table.add_row(one.name, rate(one.per_second), ratio, f"{one.cpu_ms:.3g}", *waits, ceiling)
    return [table] if figures else []


def _waits(title: str, waits: Sequence[Waits]) -> Table:
    table = empty_table(title, "orders", "p50", "p99", "longest", "unanswered")
    for one in waits:
        times = (f"{wait:,.0f}" for wait in (one.p50_ms, one.p99_ms, one.max_ms))
        table.add_row(one.name, str(one.count), *times, str(one.unanswered))
    return table


def _backlog(backlog: BacklogReport) -> list[Table]:
    stages = empty_table(f"{backlog.orders:,} orders accepted at once", "seconds")
    for name, seconds in (
        ("all accepted", backlog.accepted_seconds),
        ("half of them payable", backlog.half_payable_seconds),
        ("all payable", backlog.payable_seconds),
        ("all workflows started", backlog.workflows_seconds),
        (f"{backlog.paid_orders:,} notices at once → all paid", backlog.paid_seconds),
        (f"{backlog.paid_orders:,} notices at once → all fulfilled", backlog.fulfilled_seconds),
    ):
        stages.add_row(name, f"{seconds:.1f}")
    waits = _waits(f"Milliseconds at {backlog.rate:g} a second, among them", backlog.waits)
    names = list(backlog.memory_before)
    memory = empty_table("Resident memory, MiB", *names)
    for name, of_all in (
        ("before", backlog.memory_before),
        ("all wait", backlog.memory_waiting),
        ("all are through", backlog.memory_after),
    ):
        memory.add_row(name, *(f"{of_all.get(process, 0):.0f}" for process in names))
    per_order = backlog.kib_per_order()
    memory.add_row("KiB per waiting order", *(f"{per_order[process]:.1f}" for process in names))
    return [stages, waits, memory]


def _opening(opening: OpeningReport) -> Table:
    rooms = opening.rooms
    table = empty_table("An opening with everybody in it", *(room.admission for room in rooms))
    rows: dict[str, Callable[[RoomReport], str]] = {
        "people, 3 in 10 of them bots": lambda room: f"{room.people:,}",
        "clicks to join": lambda room: f"{room.clicks:,}",
        "joins a second, many at once": lambda room: rate(room.joins_per_second),
        "µs of each in Redis": lambda room: f"{room.redis_us:.0f}",
        "ms of a lone one: p50, p99": lambda room: "{:.1f}, {:.1f}".format(*room.lone_ms),
        "bytes of a ticket in Redis": lambda room: f"{room.ticket_bytes:.0f}",
        "and until it is a row": lambda room: f"{room.line_bytes:.0f}",
        "s to draw: read, draw, fix": lambda room: (
            f"{room.times.pool:.2f}, {room.times.draw:.2f}, {room.times.fix:.2f}"
            if room.times else ""
        ),
        "s to check it": lambda room: f"{room.times.verify:.1f}" if room.times else "",
        "every place is right": lambda room: "yes" if room.places_hold else "NO",
        "units": lambda room: f"{room.units:,}",
        "of their fair share bots got": lambda room: f"{room.of_a_fair_share:.2f}",
        "all is as it should be": lambda room: "yes" if room.ok else "NO: " + "; ".join(room.wrong),
    }  # fmt: skip
    for name, cell in rows.items():
        table.add_row(name, *map(cell, rooms))
    return table


def _cpu(report: BenchReport) -> list[Table]:
    rows = {one.name: one.cpu for one in (*report.posts, *report.orders)}
    if latency := report.latency:
        rows[f"{latency.per_second:g} buyers a second"] = latency.cpu
    if streams := report.streams:
        rows[f"{report.plan.rate:g} changes a second, {streams.streams:,} streams"] = streams.cpu
    names = list(dict.fromkeys(name for cpu in rows.values() for name in cpu))
    table = empty_table("Share of one processor, in %", *names)
    for row, cpu in rows.items():
        shares = (cpu.get(name) for name in names)
        table.add_row(row, *("" if share is None else f"{100 * share:.0f}" for share in shares))
    return [table] if rows else []


def _lines(report: BenchReport) -> list[str]:
    machine, lines = report.machine, list[str]()
    if report.history:
        kinds = ", ".join(f"{count} {name.lower()}" for name, count in report.history.items())
        lines.append(f"History events per paid order: {report.events_per_order} ({kinds})")
    if report.backlog:
        cashiers = rate(report.backlog.cashiers_per_second)
        lines.append(f"Cashiers shown while all wait: {cashiers} a second")
    if report.streams:
        lines.append(_streams(report.streams))
    if report.recovery:
        lines.append(_recovery(report.recovery))
    lines.append(
        f"{machine.processors} processors, Python {machine.python}, {machine.began_at:%Y-%m-%d}; "
        f"others had {machine.busy_before:.0%} of them before and {machine.busy_after:.0%} after"
    )
    return lines


def _streams(streams: StreamReport) -> str:
    return (
        f"{streams.streams:,} streams: all open after {streams.opened_seconds:.1f} s, "
        f"{streams.kib_per_stream:.1f} KiB of the api for each"
    )


def _recovery(recovery: RecoveryReport) -> str:
    return (
        f"kill -9 of {' and '.join(recovery.killed)}: ready again after "
        f"{recovery.ready_seconds:.1f} s, placing again after {recovery.placing_seconds:.1f} s, "
        f"nothing left behind after {recovery.caught_up_seconds:.1f} s"
    )


def empty_table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    return table


def rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.1f}"
