"""What Temporal starts by itself, on a server that knows schedules."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from temporalio.client import (
    Client,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleOverlapPolicy,
)

from domain.bill import SHANGHAI
from domain.payment import PaymentMethod
from infra.postgres.bills import Bills
from schedules import keep_schedules
from tests.support.polling import until
from tests.support.shop import Shop

EVERY_SCHEDULE = ("upkeep", "archive", "bills")


@pytest.fixture
def shop(shop_without_worker: Shop) -> Shop:
    hourly = {"upkeep_every_seconds": 3600}
    shop_without_worker.settings = shop_without_worker.settings.model_copy(update=hourly)
    return shop_without_worker


@pytest.fixture
async def scheduled(shop: Shop) -> AsyncIterator[Client]:
    await keep_schedules(shop.client, shop.settings)
    yield shop.client
    for schedule_id in EVERY_SCHEDULE:
        await shop.client.get_schedule_handle(schedule_id).delete()


async def described(client: Client, schedule_id: str) -> ScheduleDescription:
    return await client.get_schedule_handle(schedule_id).describe()


async def test_bills_are_due_at_half_past_ten_in_shanghai_every_day(scheduled: Client) -> None:
    upcoming = (await described(scheduled, "bills")).info.next_action_times

    local = [moment.astimezone(SHANGHAI) for moment in upcoming[:3]]
    assert {(moment.hour, moment.minute, moment.second) for moment in local} == {(10, 30, 0)}
    assert {after - before for before, after in pairwise(local)} == {timedelta(days=1)}


async def test_a_day_of_bills_is_neither_skipped_nor_held_up_by_another(
    scheduled: Client,
) -> None:
    policy = (await described(scheduled, "bills")).schedule.policy

    assert policy.overlap is ScheduleOverlapPolicy.ALLOW_ALL
    assert policy.catchup_window == timedelta(days=7)


async def test_keeping_them_again_changes_what_is_due_and_leaves_a_pause_alone(
    scheduled: Client, shop: Shop
) -> None:
    await scheduled.get_schedule_handle("upkeep").pause(note="the database is being moved")

    rarer = shop.settings.model_copy(update={"upkeep_every_seconds": 7200})
    await keep_schedules(scheduled, rarer)

    for schedule_id in EVERY_SCHEDULE:
        paused = (await described(scheduled, schedule_id)).schedule.state.paused
        assert paused is (schedule_id == "upkeep")
    upkeep = (await described(scheduled, "upkeep")).schedule
    assert upkeep.spec.intervals[0].every == timedelta(hours=2)


async def test_a_run_that_is_caught_up_takes_the_bills_of_its_own_day(
    scheduled: Client, shop: Shop
) -> None:
    due = datetime.combine(date(2026, 3, 3), time(10, 30), SHANGHAI)
    missed = ScheduleBackfill(start_at=due - timedelta(minutes=1), end_at=due)

    async with shop.worker():
        await scheduled.get_schedule_handle("bills").backfill(missed)
        await until(lambda: _are_checked(shop))

    async with shop.database.transaction() as connection:
        checks, _ = await Bills(connection).page(None, 10)
    assert {check.day for check in checks} == {date(2026, 3, 2)}


async def _are_checked(shop: Shop) -> bool:
    async with shop.database.transaction() as connection:
        checks, _ = await Bills(connection).page(None, 10)
    return {check.method for check in checks} == {PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY}
