"""What Temporal starts by itself, on a server that knows schedules."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    ScheduleSpec,
    ScheduleState,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.bill import SHANGHAI
from domain.payment import PaymentMethod
from infra.background import ended
from infra.postgres.bills import Bills
from schedules import SWEEP_ENDS_WITHIN, UPKEEP_ENDS_WITHIN, keep_schedules, watch_schedules
from tests.support.polling import until
from tests.support.shop import Shop
from workflows.upkeep import UPKEEP_ID, UpkeepWorkflow

EVERY_SCHEDULE = ("upkeep", "sweep", "reconcile", "audit", "archive", "retirement", "bills")


@pytest.fixture
def shop(shop_without_worker: Shop) -> Shop:
    rounds = ("upkeep", "sweep", "reconcile", "audit")
    hourly = {f"{name}_every_seconds": 3600 for name in rounds}
    shop_without_worker.settings = shop_without_worker.settings.model_copy(update=hourly)
    return shop_without_worker


@pytest.fixture
async def scheduled(shop: Shop) -> AsyncIterator[Client]:
    await keep_schedules(shop.client, shop.settings)
    yield shop.client
    await forget(shop.client, shop.settings.task_queue)


async def forget(client: Client, queue: str) -> None:
    for name in EVERY_SCHEDULE:
        await client.get_schedule_handle(f"{name}-{queue}").delete()


def named(shop: Shop, name: str) -> ScheduleHandle:
    return shop.client.get_schedule_handle(f"{name}-{shop.settings.task_queue}")


async def described(shop: Shop, name: str) -> ScheduleDescription:
    return await named(shop, name).describe()


async def test_bills_are_due_at_half_past_ten_in_shanghai_every_day(
    scheduled: Client, shop: Shop
) -> None:
    upcoming = (await described(shop, "bills")).info.next_action_times

    local = [moment.astimezone(SHANGHAI) for moment in upcoming[:3]]
    assert {(moment.hour, moment.minute, moment.second) for moment in local} == {(10, 30, 0)}
    assert {after - before for before, after in pairwise(local)} == {timedelta(days=1)}


async def test_a_day_of_bills_is_neither_skipped_nor_held_up_by_another(
    scheduled: Client, shop: Shop
) -> None:
    policy = (await described(shop, "bills")).schedule.policy

    assert policy.overlap is ScheduleOverlapPolicy.ALLOW_ALL
    assert policy.catchup_window == timedelta(days=7)


async def test_keeping_them_again_changes_what_is_due_and_leaves_a_pause_alone(
    scheduled: Client, shop: Shop
) -> None:
    await named(shop, "upkeep").pause(note="the database is being moved")

    rarer = shop.settings.model_copy(update={"upkeep_every_seconds": 7200})
    await keep_schedules(scheduled, rarer)

    for name in EVERY_SCHEDULE:
        paused = (await described(shop, name)).schedule.state.paused
        assert paused is (name == "upkeep")
    upkeep = (await described(shop, "upkeep")).schedule
    assert upkeep.spec.intervals[0].every == timedelta(hours=2)


async def test_what_temporal_lost_is_put_back_while_the_worker_runs(
    scheduled: Client, shop: Shop
) -> None:
    await named(shop, "upkeep").pause(note="the database is being moved")
    await named(shop, "bills").delete()
    often = shop.settings.model_copy(update={"schedules_look_seconds": 0.05})

    watching = asyncio.create_task(watch_schedules(scheduled, often, asyncio.Event()))
    try:
        await until(lambda: _stands(shop, "bills"))
    finally:
        await ended(watching)

    assert (await described(shop, "upkeep")).schedule.state.paused


async def _stands(shop: Shop, name: str) -> bool:
    try:
        await described(shop, name)
    except RPCError as error:
        assert error.status is RPCStatusCode.NOT_FOUND
        return False
    return True


async def test_a_run_that_is_caught_up_takes_the_bills_of_its_own_day(
    scheduled: Client, shop: Shop
) -> None:
    due = datetime.combine(date(2026, 3, 3), time(10, 30), SHANGHAI)
    missed = ScheduleBackfill(start_at=due - timedelta(minutes=1), end_at=due)

    async with shop.worker():
        await named(shop, "bills").backfill(missed)
        await until(lambda: _are_checked(shop))

    async with shop.database.transaction() as connection:
        checks, _ = await Bills(connection).page(None, 10)
    assert {check.day for check in checks} == {date(2026, 3, 2)}


async def test_no_run_holds_up_others_for_ever(scheduled: Client, shop: Shop) -> None:
    ends = {}
    for name in EVERY_SCHEDULE:
        action = (await described(shop, name)).schedule.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        assert action.id == f"{name}-{shop.settings.task_queue}"
        ends[name] = action.execution_timeout

    assert ends == {
        "upkeep": UPKEEP_ENDS_WITHIN,
        "sweep": SWEEP_ENDS_WITHIN,
        "reconcile": timedelta(hours=1),
        "audit": timedelta(hours=1),
        "retirement": timedelta(hours=1),
        "archive": timedelta(hours=20),
        "bills": timedelta(days=7),
    }


async def test_a_run_that_no_worker_serves_does_not_keep_later_rounds_from_being_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedules.UPKEEP_ENDS_WITHIN", timedelta(seconds=2))
    often = shop.settings.model_copy(update={"upkeep_every_seconds": 1})
    await keep_schedules(shop.client, often)

    await until(lambda: _any_round(shop, WorkflowExecutionStatus.TIMED_OUT))
    async with shop.worker():
        await until(lambda: _any_round(shop, WorkflowExecutionStatus.COMPLETED))

    await forget(shop.client, shop.settings.task_queue)


async def test_a_worker_of_another_queue_that_came_and_went_leaves_ours_alone(
    scheduled: Client, shop: Shop
) -> None:
    strange = shop.settings.model_copy(update={"task_queue": f"{shop.settings.task_queue}-other"})
    await keep_schedules(scheduled, strange)

    for settings in (shop.settings, strange):
        for name in EVERY_SCHEDULE:
            handle = scheduled.get_schedule_handle(f"{name}-{settings.task_queue}")
            action = (await handle.describe()).schedule.action
            assert isinstance(action, ScheduleActionStartWorkflow)
            assert action.task_queue == settings.task_queue
    await forget(scheduled, strange.task_queue)


async def test_a_schedule_of_an_older_release_is_replaced_and_its_pause_taken_over(
    shop: Shop,
) -> None:
    queue = shop.settings.task_queue
    old = await shop.client.create_schedule(
        UPKEEP_ID,
        Schedule(
            action=ScheduleActionStartWorkflow(
                UpkeepWorkflow.run, id=UPKEEP_ID, task_queue="somebody-elses"
            ),
            spec=ScheduleSpec(),
            state=ScheduleState(paused=True, note="the database is being moved"),
        ),
    )

    await keep_schedules(shop.client, shop.settings)

    with pytest.raises(RPCError) as gone:
        await old.describe()
    assert gone.value.status is RPCStatusCode.NOT_FOUND
    paused = {name: (await described(shop, name)).schedule.state for name in EVERY_SCHEDULE}
    assert [name for name, state in paused.items() if state.paused] == ["upkeep"]
    assert paused["upkeep"].note == "the database is being moved"
    await forget(shop.client, queue)


async def _any_round(shop: Shop, status: WorkflowExecutionStatus) -> bool:
    actions = (await described(shop, "upkeep")).info.recent_actions
    for action in actions:
        assert isinstance(action.action, ScheduleActionExecutionStartWorkflow)
        run = shop.client.get_workflow_handle(action.action.workflow_id)
        if (await run.describe()).status is status:
            return True
    return False


async def _are_checked(shop: Shop) -> bool:
    async with shop.database.transaction() as connection:
        checks, _ = await Bills(connection).page(None, 10)
    return {check.method for check in checks} == {PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY}
