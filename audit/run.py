"""The audit: seven checks, each proved or naming what breaks it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from audit.checks import (
    a1_stock,
    a2_redis,
    a3_limits,
    a4_workflows,
    a5_money,
    a6_points,
    a7_intents,
)
from audit.findings import Look, look_until_sure, verdict_of
from audit.outages import store_of
from audit.sources import AuditSources
from audit.window import window_since_last_sound
from domain.audit import AuditReport, Check
from infra.postgres.audits import Audits

log = structlog.get_logger()

CHECKS: Mapping[str, Callable[[AuditSources], Awaitable[Look]]] = {
    "A1": a1_stock.look,
    "A2": a2_redis.look,
    "A3": a3_limits.look,
    "A4": a4_workflows.look,
    "A5": a5_money.look,
    "A6": a6_points.look,
    "A7": a7_intents.look,
}
# A bound for a whole check over any number of orders; each store's answers have their own.
CHECK_TIMEOUT_SECONDS = 900


async def run_audit(sources: AuditSources) -> AuditReport:
    """Reads every store and changes none, but for keeping the report in Postgres.

    A store that is away fails the checks that need it and raises nothing.
    """
    started_at = datetime.now(UTC)
    checks = await asyncio.gather(*(_prove(code, sources) for code in CHECKS))
    report = AuditReport(
        audit_id=f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        started_at=started_at,
        finished_at=datetime.now(UTC),
        checks=tuple(checks),
    )
    try:
        async with sources.database.transaction() as connection:
            await Audits(connection).save(report)
    except Exception as error:
        # A report that cannot be kept is still an answer.
        if store_of(error) is None:
            raise
        log.warning("audit_not_kept", audit_id=report.audit_id, error=repr(error)[:200])
    return report


async def since_last_sound(sources: AuditSources) -> AuditSources:
    """The same, to look only at what is open or has changed since an audit found all in order."""
    try:
        return replace(sources, window=await window_since_last_sound(sources.database))
    except Exception as error:
        # The checks will say that Postgres is away.
        if store_of(error) is None:
            raise
        return sources


async def _prove(code: str, sources: AuditSources) -> Check:
    deadline = asyncio.timeout(CHECK_TIMEOUT_SECONDS)
    try:
        async with deadline:
            look = await look_until_sure(lambda: CHECKS[code](sources), sources.grace)
    except Exception as error:
        store = store_of(error)
        if store is None:
            raise
        log.warning("audit_line_not_proved", code=code, store=store, error=repr(error)[:200])
        why = f"{store} does not answer ({type(error).__name__})"
        # Our own timeout looks like a store's.
        if deadline.expired():
            why = f"it took longer than {CHECK_TIMEOUT_SECONDS} s"
        return Check(code=code, ok=False, detail=f"could not be proved: {why}")
    if sources.window:
        covered = f"since {sources.window.since:%Y-%m-%d %H:%M} UTC, {look.covered}"
        look = replace(look, covered=covered)
    return verdict_of(code, look)
