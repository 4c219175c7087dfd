"""The audit: seven lines, each proved or naming what breaks it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog

from audit.checks import a1_stock as stock_balance
from audit.checks import a2_redis as redis_agreement
from audit.checks import a3_limits as limits
from audit.checks import a4_workflows as workflows_alive
from audit.checks import a5_money as money
from audit.checks import a6_points as points
from audit.checks import a7_intents as intents
from audit.findings import Looked, line_of, look_until_sure
from audit.outages import store_of
from audit.sources import AuditSources
from domain.audit import AuditReport, Check
from infra.postgres.audits import Audits

log = structlog.get_logger()

CHECKS: Mapping[str, Callable[[AuditSources], Awaitable[Looked]]] = {
    "A1": stock_balance.look,
    "A2": redis_agreement.look,
    "A3": limits.look,
    "A4": workflows_alive.look,
    "A5": money.look,
    "A6": points.look,
    "A7": intents.look,
}
# A bound for a whole line over any number of orders; each store's answers have their own.
LINE_TIMEOUT_SECONDS = 900


async def run_audit(sources: AuditSources) -> AuditReport:
    """Reads every store and changes none, but for keeping the report in Postgres.

    A store that is away fails the lines that need it and raises nothing.
    """
    started_at = datetime.now(UTC)
    checks = await asyncio.gather(*(_line(code, sources) for code in CHECKS))
    report = AuditReport(
        audit_id=f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        started_at=started_at,
        finished_at=datetime.now(UTC),
        checks=tuple(checks),
    )
    await _keep(sources, report)
    return report


async def _line(code: str, sources: AuditSources) -> Check:
    deadline = asyncio.timeout(LINE_TIMEOUT_SECONDS)
    try:
        async with deadline:
            looked = await look_until_sure(lambda: CHECKS[code](sources), sources.grace)
    except Exception as error:
        store = store_of(error)
        if store is None:
            raise
        log.warning("audit_line_not_proved", code=code, store=store, error=repr(error)[:200])
        why = f"{store} does not answer ({type(error).__name__})"
        if deadline.expired():
            why = f"it took longer than {LINE_TIMEOUT_SECONDS} s"
        return Check(code=code, ok=False, detail=f"could not be proved: {why}")
    return line_of(code, looked)


async def _keep(sources: AuditSources, report: AuditReport) -> None:
    """A report that cannot be kept is still an answer."""
    try:
        async with sources.database.transaction() as connection:
            await Audits(connection).save(report)
    except Exception as error:
        if store_of(error) is None:
            raise
        log.warning("audit_not_kept", audit_id=report.audit_id, error=repr(error)[:200])
