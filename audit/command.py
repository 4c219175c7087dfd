"""`seckill audit`: for a person at a terminal, or a script that wants an exit code."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

import structlog
from rich.console import Console, RenderableType

from audit.outages import store_of
from audit.repair import Repairs, repair
from audit.run import run_audit, since_last_sound
from audit.running_workflows import AuditedWorkflows
from audit.show import repairs_list, report_table
from audit.sources import open_sources
from domain.audit import AuditReport
from infra.settings import Settings

SOUND, BROKEN, NOT_REPAIRED = 0, 1, 2
PIPE_WIDTH = 120


def show_audit(
    settings: Settings,
    connect: Callable[[], Awaitable[AuditedWorkflows]],
    *,
    with_repair: bool,
    as_json: bool,
    whole: bool = True,
) -> int:
    """Audits the stores that the settings name, and the workflows of the client that `connect`
    opens. Not `whole`, it looks at what is open or has changed since an audit was sound; a repair
    always looks at all.

    Returns the exit code: 0 only if every check is proved, in the end; 2 if a repair could not
    reach a store.
    """
    # Standard output is the report's alone: a script may read it as JSON.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        report = asyncio.run(_audit(settings, connect, with_repair, as_json, whole))
    except Exception as error:
        store = store_of(error)
        if store is None:
            raise
        print(f"nothing more was repaired: {store} does not answer ({error})", file=sys.stderr)
        return NOT_REPAIRED
    return SOUND if report.ok else BROKEN


async def _audit(
    settings: Settings,
    connect: Callable[[], Awaitable[AuditedWorkflows]],
    with_repair: bool,
    as_json: bool,
    whole: bool,
) -> AuditReport:
    before: AuditReport | None = None
    repairs: Repairs | None = None
    async with open_sources(settings, await connect()) as sources:
        looks_at_all = whole or with_repair
        report = await run_audit(sources if looks_at_all else await since_last_sound(sources))
        if with_repair:
            before = report
            if not as_json:
                # At once, for the repair may take long, or break off.
                _show(report_table(before))
            repairs = await repair(sources)
            report = await run_audit(sources)
    if as_json:
        print(json.dumps(_members(report, before, repairs)))
    else:
        _show(*([repairs_list(repairs)] if repairs else []), report_table(report))
    return report


def _members(
    report: AuditReport, before: AuditReport | None = None, repairs: Repairs | None = None
) -> dict[str, object]:
    members: dict[str, object] = {"ok": report.ok, **report.model_dump(mode="json")}
    if before and repairs:
        members |= {"repairs": repairs.model_dump(mode="json"), "before": _members(before)}
    return members


def _show(*parts: RenderableType) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    console.print(*parts)
