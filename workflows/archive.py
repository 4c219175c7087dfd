"""The daily archiving, by a Temporal Schedule."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.archive import ArchiveActivities, Archived, ArchiveOld
    from domain.model import Value

ARCHIVE_ID = "archive"


class KeepFor(Value):
    """What is over stays where it is for so many days."""

    days: int


@workflow.defn
class ArchiveWorkflow:
    """One round: what belongs to orders that ended long ago, bytes of notices acted on long ago."""

    @workflow.run
    async def run(self, keep_for: KeepFor) -> Archived:
        return await workflow.execute_activity_method(
            ArchiveActivities.archive_old,
            ArchiveOld(older_than=workflow.now() - timedelta(days=keep_for.days)),
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=10),
            summary=f"archive what was over {keep_for.days} days ago",
        )
