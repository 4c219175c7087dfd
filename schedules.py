"""What Temporal starts by itself, and when."""

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from domain.bill import SHANGHAI
from infra.settings import Settings
from workflows.archive import ARCHIVE_ID, ArchiveWorkflow, KeepFor
from workflows.bills import BILLS_ID, ReconcileBills, ReconcileBillsWorkflow
from workflows.upkeep import UPKEEP_ID, UpkeepWorkflow

# Providers promise their bills for 10:00.
HALF_PAST_TEN = ScheduleCalendarSpec(hour=[ScheduleRange(10)], minute=[ScheduleRange(30)])


@dataclass(frozen=True)
class ScheduledWorkflow:
    """A workflow and when it is due. `catch_up`: how old a run may be that was missed while
    Temporal was away; `side_by_side`: whether one may begin while the last still runs."""

    action: ScheduleActionStartWorkflow
    spec: ScheduleSpec
    catch_up: timedelta = timedelta(minutes=1)
    side_by_side: bool = False

    @property
    def schedule(self) -> Schedule:
        policies = ScheduleOverlapPolicy
        overlap = policies.ALLOW_ALL if self.side_by_side else policies.SKIP
        return Schedule(
            action=self.action,
            spec=self.spec,
            policy=SchedulePolicy(overlap=overlap, catchup_window=self.catch_up),
        )

    def brought_up_to_date(self, standing: ScheduleUpdateInput) -> ScheduleUpdate:
        # The state says whether somebody paused it, which is not ours to undo.
        state = standing.description.schedule.state
        return ScheduleUpdate(schedule=replace(self.schedule, state=state))


async def keep_schedules(client: Client, settings: Settings) -> None:
    """Create the schedules, each named as its workflow; those that stand are brought up to date
    and stay paused if somebody paused them."""
    for scheduled in _scheduled(settings):
        schedule_id = scheduled.action.id
        try:
            await client.create_schedule(schedule_id, scheduled.schedule)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(schedule_id).update(scheduled.brought_up_to_date)


def _scheduled(settings: Settings) -> tuple[ScheduledWorkflow, ...]:
    queue = settings.task_queue
    keep_for = KeepFor(days=settings.archive_after_days)
    return (
        ScheduledWorkflow(
            ScheduleActionStartWorkflow(UpkeepWorkflow.run, id=UPKEEP_ID, task_queue=queue),
            _every(timedelta(seconds=settings.upkeep_every_seconds)),
        ),
        ScheduledWorkflow(
            ScheduleActionStartWorkflow(
                ArchiveWorkflow.run, keep_for, id=ARCHIVE_ID, task_queue=queue
            ),
            _every(timedelta(days=1)),
        ),
        ScheduledWorkflow(
            ScheduleActionStartWorkflow(
                ReconcileBillsWorkflow.run, ReconcileBills(), id=BILLS_ID, task_queue=queue
            ),
            ScheduleSpec(calendars=[HALF_PAST_TEN], time_zone_name=SHANGHAI.key),
            # Each run is about a day of its own: none may be left out, and none has to wait.
            catch_up=timedelta(days=7),
            side_by_side=True,
        ),
    )


def _every(interval: timedelta) -> ScheduleSpec:
    return ScheduleSpec(intervals=[ScheduleIntervalSpec(every=interval)])
