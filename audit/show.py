"""A report for a person at a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.repair import Repairs
from domain.audit import AuditReport

NAMED = 10


def report_table(report: AuditReport) -> RenderableType:
    took = (report.finished_at - report.started_at).total_seconds()
    table = Table(title=f"audit {report.audit_id}, {took:.1f} s", title_justify="left")
    table.add_column("line")
    table.add_column("")
    table.add_column("what was proved or found", overflow="fold")
    for check in report.checks:
        verdict = Text("ok", style="green") if check.ok else Text("BROKEN", style="bold red")
        table.add_row(check.code, verdict, Text("\n".join([check.detail, *_orders(check.orders)])))
    return table


def repairs_list(repairs: Repairs) -> RenderableType:
    lines = [
        _line("intents put back", repairs.put_back),
        _line("workflows started again", repairs.restarted),
        _line("items rebuilt in Redis", repairs.rebuilt),
    ]
    if repairs.left:
        lines.append(_line("left for a person: see the attention list", repairs.left))
    return Group(*lines)


def _line(name: str, subjects: tuple[str, ...]) -> Text:
    return Text("\n".join([f"{name}: {len(subjects)}", *_orders(subjects)]))


def _orders(orders: tuple[str, ...]) -> list[str]:
    named = [f"  {order}" for order in orders[:NAMED]]
    if len(orders) > NAMED:
        named.append(f"  and {len(orders) - NAMED} more")
    return named
