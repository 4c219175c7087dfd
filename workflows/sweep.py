"""The sweep of each minute, by a Temporal Schedule."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.sweep import SweepActivities, Swept

SWEEP_ID = "sweep"


@workflow.defn
class SweepWorkflow:
    """One round: what nobody goes on with is pushed on, or a person is called."""

    @workflow.run
    async def run(self) -> Swept:
        return await workflow.execute_activity_method(
            SweepActivities.sweep,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=15),
            # The next round comes in a minute.
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary="push on what stands still",
        )
