"""The audit of each quarter of an hour, by a Temporal Schedule."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.audits import AuditActivities, Audited

AUDIT_ID = "audit"


@workflow.defn
class AuditWorkflow:
    """One audit of what is open or has changed. Its end says no more than whether all was proved:
    the report is in Postgres."""

    @workflow.run
    async def run(self) -> Audited:
        return await workflow.execute_activity_method(
            AuditActivities.audit_what_changed,
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=2),
            summary="prove that all stores agree",
        )
