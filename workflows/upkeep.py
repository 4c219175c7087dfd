"""Upkeep: small things done again and again, by a Temporal Schedule."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.left_behind import LeftBehindActivities
    from activities.notices import NoticeActivities, Relayed

UPKEEP_ID = "upkeep"


@workflow.defn
class UpkeepWorkflow:
    """One round: notices that found nobody are relayed again, and what had no notice is found."""

    @workflow.run
    async def run(self) -> Relayed:
        relayed = await workflow.execute_activity_method(
            NoticeActivities.relay_notices,
            start_to_close_timeout=timedelta(minutes=3),
            # A worker that dies holds up the rounds after it, so it is missed soon.
            heartbeat_timeout=timedelta(seconds=15),
            # The next round comes soon; a round that fails need not be repeated for long.
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="relay notices nobody acted on",
        )
        if workflow.patched("left-behind"):
            await workflow.execute_activity_method(
                LeftBehindActivities.take_up_what_is_left,
                start_to_close_timeout=timedelta(minutes=1),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary="ask after payments, start what nobody works on",
            )
        return relayed
