"""The audit as a step: its report is kept, and one that is not sound calls a person."""

import structlog
from temporalio import activity

from activities.heartbeats import heartbeats
from audit.run import run_audit, since_last_sound
from audit.sources import OpenSources
from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.audit import AuditReport
from domain.model import Value
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database

log = structlog.get_logger()

# One row for all of them: each report says more than its line here.
EVERYTHING = "audit"
DETAIL_CHARACTERS = 200


class Audited(Value):
    """`broken`: the lines that are not proved."""

    audit_id: str
    ok: bool
    broken: tuple[str, ...] = ()


class AuditActivities:
    def __init__(self, database: Database, open_sources: OpenSources) -> None:
        self._database = database
        self._open = open_sources

    @activity.defn
    async def audit_what_changed(self) -> Audited:
        """All that is open or has changed since an audit found everything in order; the whole
        before any did."""
        async with heartbeats(), self._open() as sources:
            report = await run_audit(await since_last_sound(sources))
        await self._tell(report)
        broken = tuple(check.code for check in report.checks if not check.ok)
        log.info("audited", audit_id=report.audit_id, ok=report.ok, broken=broken)
        return Audited(audit_id=report.audit_id, ok=report.ok, broken=broken)

    async def _tell(self, report: AuditReport) -> None:
        async with self._database.transaction() as connection:
            attentions = Attentions(connection)
            if report.ok:
                await attentions.resolve(
                    AttentionKind.AUDIT_FAILED, EVERYTHING, SYSTEM, f"{report.audit_id} is sound"
                )
                return
            lines = [
                f"{check.code}: {check.detail[:DETAIL_CHARACTERS]}"
                for check in report.checks
                if not check.ok
            ]
            await attentions.raise_(
                AttentionKind.AUDIT_FAILED,
                EVERYTHING,
                what=f"Audit {report.audit_id} is not sound. " + " ".join(lines).replace("\0", ""),
                advice="The schedules `sweep` and `reconcile` put right what needs no decision; the"
                " rest is in this list. This closes by itself with the next sound audit.",
            )
