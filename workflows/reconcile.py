"""Reconciling Redis with Postgres, by a Temporal Schedule."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.reconcile import ReconcileActivities
    from audit.reconcile import Reconciled

RECONCILE_ID = "reconcile"


@workflow.defn
class ReconcileWorkflow:
    """One round: what Redis has otherwise than Postgres is put right."""

    @workflow.run
    async def run(self) -> Reconciled:
        return await workflow.execute_activity_method(
            ReconcileActivities.reconcile_stores,
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=30),
            # A worker that dies in it is replaced at once; a store that is away has the next round.
            retry_policy=RetryPolicy(maximum_attempts=2),
            summary="compare Redis with Postgres, and put right what differs",
        )
