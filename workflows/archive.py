"""The daily archiving, by a Temporal Schedule."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.archive import ArchiveActivities, Archived, ArchiveOld
    from domain.model import Value

ARCHIVE_ID = "archive"


class KeepFor(Value):
    """What is over stays where it is for so many days; the ledger of a sale for `ledger_days` after
    its end, None: for good."""

    days: int
    ledger_days: int | None = None


@workflow.defn
class ArchiveWorkflow:
    """One round: what belongs to orders that ended long ago, bytes of notices acted on long ago,
    and whole ledgers of sales that are over for longer still."""

    @workflow.run
    async def run(self, keep_for: KeepFor) -> Archived:
        now, ledger_days = workflow.now(), keep_for.ledger_days
        command = ArchiveOld(
            older_than=now - timedelta(days=keep_for.days),
            ledgers_older_than=now - timedelta(days=ledger_days) if ledger_days else None,
        )
        return await workflow.execute_activity_method(
            ArchiveActivities.archive_old,
            command,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=10),
            summary=f"archive what was over {keep_for.days} days ago",
        )
