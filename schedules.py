"""What Temporal starts by itself, and when."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.bill import SHANGHAI
from infra.settings import Settings
from infra.temporal.client import register_search_attributes
from workflows.archive import ARCHIVE_ID, ArchiveWorkflow, KeepFor
from workflows.audit import AUDIT_ID, AuditWorkflow
from workflows.bills import BILLS_ID, ReconcileBills, ReconcileBillsWorkflow
from workflows.reconcile import RECONCILE_ID, ReconcileWorkflow
from workflows.retirement import RETIREMENT_ID, RetireAfter, RetirementWorkflow
from workflows.sweep import SWEEP_ID, SweepWorkflow
from workflows.upkeep import UPKEEP_ID, UpkeepWorkflow

log = structlog.get_logger()

# Longer than a round ever takes, and as long as a run that is served by nobody can hold up others.
UPKEEP_ENDS_WITHIN = timedelta(minutes=5)
SWEEP_ENDS_WITHIN = timedelta(minutes=12)
RETIRE_EVERY = timedelta(minutes=10)
# Providers promise their bills for 10:00.
HALF_PAST_TEN = ScheduleCalendarSpec(hour=[ScheduleRange(10)], minute=[ScheduleRange(30)])


@dataclass(frozen=True)
class ScheduledWorkflow:
    """A workflow and when it is due. `catch_up`: how old a run may be that was missed while
    Temporal was away; `ends_within`: when the server gives a run up that has not ended;
    `side_by_side`: whether one may begin while the last still runs."""

    action: ScheduleActionStartWorkflow
    spec: ScheduleSpec
    catch_up: timedelta = timedelta(minutes=1)
    # A run that no worker serves would else keep all later ones from beginning, for ever and
    # unseen.
    ends_within: timedelta = timedelta(hours=1)
    side_by_side: bool = False

    @property
    def schedule_id(self) -> str:
        # With its queue, or a worker of another queue would take the schedule away with it.
        return f"{self.action.id}-{self.action.task_queue}"

    @property
    def schedule(self) -> Schedule:
        action = copy(self.action)
        action.id, action.execution_timeout = self.schedule_id, self.ends_within
        policies = ScheduleOverlapPolicy
        overlap = policies.ALLOW_ALL if self.side_by_side else policies.SKIP
        return Schedule(
            action=action,
            spec=self.spec,
            policy=SchedulePolicy(overlap=overlap, catchup_window=self.catch_up),
        )

    def brought_up_to_date(self, standing: ScheduleUpdateInput) -> ScheduleUpdate:
        # The state says whether somebody paused it, which is not ours to undo.
        state = standing.description.schedule.state
        return ScheduleUpdate(schedule=replace(self.schedule, state=state))


async def keep_schedules(client: Client, settings: Settings) -> None:
    """Create the schedules, each named as its workflow and its task queue; those that stand are
    brought up to date and stay paused if somebody paused them. Takes over from those of older
    releases, which had no queue in their names."""
    for scheduled in _scheduled(settings):
        old = client.get_schedule_handle(scheduled.action.id)
        old_state = await _state_of(old)
        schedule = replace(scheduled.schedule, state=old_state or ScheduleState())
        try:
            await client.create_schedule(scheduled.schedule_id, schedule)
        except ScheduleAlreadyRunningError:
            standing = client.get_schedule_handle(scheduled.schedule_id)
            await standing.update(scheduled.brought_up_to_date)
        if old_state is not None:
            # Another worker may have been faster.
            with _nothing_if_not_found():
                await old.delete()


async def watch_schedules(client: Client, settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`, puts back what Temporal has lost with its database: the names our workflows
    are searched by, and the schedules."""
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.schedules_look_seconds):
                await stop.wait()
            return
        try:
            await register_search_attributes(client)
        except (RPCError, RuntimeError) as error:
            # A cluster may leave them to its administrators: the schedules are ours all the same.
            log.debug("search_attributes_not_registered", error=str(error)[:200])
        try:
            for schedule_id in await put_back_lost(client, settings):
                log.warning("schedule_put_back", schedule_id=schedule_id)
        except (RPCError, RuntimeError) as error:
            log.warning("schedules_not_looked_at", error=repr(error)[:200])


async def put_back_lost(client: Client, settings: Settings) -> list[str]:
    """Create those that do not stand, and leave alone those that do: somebody may just have
    changed one by hand. Answers which were made."""
    made: list[str] = []
    for scheduled in _scheduled(settings):
        try:
            await client.create_schedule(scheduled.schedule_id, scheduled.schedule)
        except ScheduleAlreadyRunningError:
            continue
        made.append(scheduled.schedule_id)
    return made


async def _state_of(schedule: ScheduleHandle) -> ScheduleState | None:
    """Whether it was paused, and why; None where there is none."""
    with _nothing_if_not_found():
        state = (await schedule.describe()).schedule.state
        return ScheduleState(note=state.note, paused=state.paused)
    return None


@contextmanager
def _nothing_if_not_found() -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _scheduled(settings: Settings) -> tuple[ScheduledWorkflow, ...]:
    queue = settings.task_queue
    keep_for = KeepFor(
        days=settings.archive_after_days, ledger_days=settings.archive_ledgers_after_days
    )
    return (
        ScheduledWorkflow(
            ScheduleActionStartWorkflow(UpkeepWorkflow.run, id=UPKEEP_ID, task_queue=queue),
            _every(timedelta(seconds=settings.upkeep_every_seconds)),
            ends_within=UPKEEP_ENDS_WITHIN,
        ),
        *_healing(settings),
        ScheduledWorkflow(
            ScheduleActionStartWorkflow(
                ArchiveWorkflow.run, keep_for, id=ARCHIVE_ID, task_queue=queue
            ),
            _every(timedelta(days=1)),
            ends_within=timedelta(hours=20),
        ),
        ScheduledWorkflow(
            ScheduleActionStartWorkflow(
                RetirementWorkflow.run,
                RetireAfter(hours=settings.retire_after_hours),
                id=RETIREMENT_ID,
                task_queue=queue,
            ),
            _every(RETIRE_EVERY),
        ),
        ScheduledWorkflow(
            ScheduleActionStartWorkflow(
                ReconcileBillsWorkflow.run, ReconcileBills(), id=BILLS_ID, task_queue=queue
            ),
            ScheduleSpec(calendars=[HALF_PAST_TEN], time_zone_name=SHANGHAI.key),
            # Each run is about a day of its own: none may be left out, and none has to wait.
            catch_up=timedelta(days=7),
            ends_within=timedelta(days=7),
            side_by_side=True,
        ),
    )


def _healing(settings: Settings) -> Iterator[ScheduledWorkflow]:
    """What puts right, and what proves that nothing is left to be put right."""
    queue = settings.task_queue
    yield ScheduledWorkflow(
        ScheduleActionStartWorkflow(SweepWorkflow.run, id=SWEEP_ID, task_queue=queue),
        _every(timedelta(seconds=settings.sweep_every_seconds)),
        ends_within=SWEEP_ENDS_WITHIN,
    )
    yield ScheduledWorkflow(
        ScheduleActionStartWorkflow(ReconcileWorkflow.run, id=RECONCILE_ID, task_queue=queue),
        _every(timedelta(seconds=settings.reconcile_every_seconds)),
    )
    yield ScheduledWorkflow(
        ScheduleActionStartWorkflow(AuditWorkflow.run, id=AUDIT_ID, task_queue=queue),
        _every(timedelta(seconds=settings.audit_every_seconds)),
    )


def _every(interval: timedelta) -> ScheduleSpec:
    return ScheduleSpec(intervals=[ScheduleIntervalSpec(every=interval)])
