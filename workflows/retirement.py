"""Retirement of items that are over, by a Temporal Schedule."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.retirement import Retired, RetireItems, RetirementActivities
    from domain.model import Value

RETIREMENT_ID = "retirement"


class RetireAfter(Value):
    """How long after its sale's end an item may leave Redis."""

    hours: float


@workflow.defn
class RetirementWorkflow:
    """One round: items whose sale is over, and with it all that was bought, leave Redis."""

    @workflow.run
    async def run(self, after: RetireAfter) -> Retired:
        return await workflow.execute_activity_method(
            RetirementActivities.retire_items,
            RetireItems(ended_before=workflow.now() - timedelta(hours=after.hours)),
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary=f"retire items that were over {after.hours:g} hours ago",
        )
