"""A rush's report on a terminal."""

from collections import Counter
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.audit import Check
from domain.payment import PaymentMethod
from domain.states import OrderStatus
from practice.rush.notes import ACCEPTED, UNANSWERED, Quantiles, Wait
from practice.rush.report import SOLD, RushReport

SHOWN_ORDERS = 3
_WAYS = {
    PaymentMethod.ALIPAY: "Alipay",
    PaymentMethod.WECHATPAY: "WeChat Pay",
    PaymentMethod.POINTS: "points",
}


def print_report(console: Console, report: RushReport) -> None:
    console.print()
    console.print(_counts(report))
    console.print()
    console.print(_waits(report.waits))
    print_checks(console, "What the crowd saw must hold", report.crowd)
    print_checks(console, "The audit of all stores", report.audit)
    console.print()
    if report.ok:
        console.print(Text("Nothing was lost and nothing was sold twice.", style="bold green"))
    elif not report.audit:
        console.print(Text("There was no audit, so nothing is proved.", style="bold red"))
    else:
        console.print(Text("It does not hold: see the lines marked ✗.", style="bold red"))


def _counts(report: RushReport) -> Table:
    plan = report.plan
    table = Table(
        title=f"{plan.buyers:,} buyers rush {plan.units:,} units",
        title_justify="left",
        min_width=60,
    )
    table.add_column("")
    table.add_column("count", justify="right")
    table.add_column("")
    if report.room:
        accounts = sum(report.room.values())
        table.add_row(
            "accounts in the room", f"{accounts:,}", f"they joined {report.joins:,} times"
        )
        for name, count in report.room.items():
            table.add_row(f"  {_in_words(name)}", f"{count:,}", "")
        table.add_section()
    table.add_row("clicks", f"{report.clicks:,}", "")
    for name, count, note in _answer_rows(report):
        table.add_row(f"  {name}", f"{count:,}", note)
    table.add_section()
    total = sum(report.orders.values())
    resold = max(0, total - plan.units)
    table.add_row("orders", f"{total:,}", f"{resold} from units that came back" if resold else "")
    for name, count, note in _order_rows(report):
        table.add_row(f"  {name}", f"{count:,}", note)
    return table


def _answer_rows(report: RushReport) -> Iterable[tuple[str, int, str]]:
    answers = Counter(report.answers)
    repeats = answers[ACCEPTED] - sum(report.orders.values())
    yield (
        "accepted",
        answers.pop(ACCEPTED, 0),
        f"{repeats} by a double click" if repeats > 0 else "",
    )
    unanswered = answers.pop(UNANSWERED, 0)
    for code, count in answers.most_common():
        yield f"refused: {_in_words(code)}", count, ""
    if unanswered:
        yield "never answered", unanswered, ""
    for fault, count in report.faults.items():
        yield f"tried again: {fault}", count, ""


def _order_rows(report: RushReport) -> Iterable[tuple[str, int, str]]:
    ways = ", ".join(f"{count} by {_WAYS[method]}" for method, count in report.paid_by.items())
    yield "paid", report.sold, ways
    if lost := report.paid_without_notice:
        yield "  without a notice", lost, "the system asked the provider itself"
    for status in OrderStatus:
        if status not in SOLD and (count := report.orders.get(status)):
            yield _in_words(status), count, ""


def _in_words(name: str) -> str:
    return name.lower().replace("_", " ")


def _waits(waits: Mapping[Wait, Quantiles]) -> Table:
    table = Table(title="Waits in milliseconds", title_justify="left", min_width=60)
    table.add_column("")
    for name in ("count", "p50", "p95", "p99", "most"):
        table.add_column(name, justify="right")
    for wait, found in waits.items():
        measured = (found.p50, found.p95, found.p99, found.most)
        table.add_row(wait, f"{found.count:,}", *(f"{one:,.0f}" for one in measured))
    return table


def print_checks(console: Console, title: str, checks: Iterable[Check]) -> None:
    console.print()
    console.print(Text(title, style="italic"))
    for check in checks:
        mark = Text("✓ ", "green") if check.ok else Text("✗ ", "bold red")
        console.print(Text.assemble(mark, (f"{check.code} ", "bold"), check.detail), soft_wrap=True)
        if check.orders:
            named, more = ", ".join(check.orders[:SHOWN_ORDERS]), len(check.orders) - SHOWN_ORDERS
            text = f"     {named}" + (f" and {more} more" if more > 0 else "")
            console.print(Text(text, style="red"), soft_wrap=True)
