"""Seven checks over sound stores, over stores that are away, and while orders flow."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from redis.asyncio import Redis
from temporalio.client import Client

from audit.run import run_audit
from audit.sources import AuditSources
from dispatching.dispatcher import Dispatcher
from domain.ids import new_order_id
from domain.order import RejectReason
from infra.postgres.audits import Audits
from infra.postgres.engine import Database
from infra.redis.intents import Intents
from infra.redis.stock_gate import StockGate
from tests.support.audited_orders import (
    broken_checks,
    cancelled,
    check_of,
    dispatched,
    handle_of,
    paid,
)
from tests.support.shop import Shop
from workflow_client import WorkflowClient


async def test_orders_in_every_state_are_proved_check_by_check(
    shop: Shop, sources: AuditSources
) -> None:
    await dispatched(shop, sources, "ada")
    await paid(shop, sources, "bob")
    await cancelled(shop, sources, "cyd")

    report = await run_audit(sources)

    assert report.ok, report
    assert [check.code for check in report.checks] == ["A1", "A2", "A3", "A4", "A5", "A6", "A7"]
    assert check_of(report, "A2").detail.startswith("3 orders, 1 item,")
    assert check_of(report, "A4").detail.startswith("1 unfinished order, 1 workflow:")


async def test_a_rejected_order_is_no_damage(shop: Shop, sources: AuditSources) -> None:
    await shop.intent("ada", 3)
    greedy = shop.intent_for(new_order_id(shop.item.item_number, 1), "ada", 1)
    outcome = await (await shop.start(greedy)).result()

    assert outcome.reason == RejectReason.LIMIT_REACHED
    assert (await run_audit(sources)).ok


async def test_no_false_alarm_while_orders_flow(shop: Shop, sources: AuditSources) -> None:
    patient = replace(sources, grace=timedelta(seconds=3))
    stop = asyncio.Event()
    dispatcher = Dispatcher(shop.redis, shop.database)
    async with dispatcher.placing(stop):
        starting = asyncio.create_task(dispatcher.start_workflows(shop.workflows, stop))
        rush = asyncio.gather(*(_buy(shop, f"user-{number}", number) for number in range(20)))
        reports = []
        while not rush.done():
            reports.append(await run_audit(patient))
        await rush
        stop.set()
        await starting

    assert reports
    assert all(report.ok for report in reports), [broken_checks(report) for report in reports]
    assert (await run_audit(patient)).ok


async def _buy(shop: Shop, user_id: str, number: int) -> None:
    await asyncio.sleep(number * 0.1)
    order_id = (await shop.click(user_id)).order_id
    handle = handle_of(shop, order_id)
    while True:
        with suppress(Exception):
            if number % 3:
                await shop.pay(handle)
            else:
                await shop.cancel(handle)
            break
        await asyncio.sleep(0.1)
    await handle.result()


async def test_a_report_is_kept(shop: Shop, sources: AuditSources) -> None:
    report = await run_audit(sources)

    async with shop.database.transaction() as connection:
        reports, _ = await Audits(connection).page(None, 10)
    assert reports == [report]


async def test_a_store_that_is_away_fails_the_checks_that_need_it(
    shop: Shop, sources: AuditSources
) -> None:
    away = Redis.from_url(f"redis://{NOBODY}", decode_responses=True, socket_timeout=1)

    report = await run_audit(replace(sources, gate=StockGate(away), intents=Intents(away)))

    assert broken_checks(report) == {"A2", "A7"}
    assert "Redis does not answer" in check_of(report, "A2").detail
    await away.aclose()


async def test_temporal_being_away_fails_the_check_of_workflows(
    shop: Shop, sources: AuditSources
) -> None:
    await dispatched(shop, sources, "ada")
    away = await Client.connect(NOBODY, lazy=True)

    report = await run_audit(replace(sources, workflows=WorkflowClient(away, "nobody-serves-this")))

    assert broken_checks(report) == {"A4"}
    assert "Temporal does not answer" in check_of(report, "A4").detail


async def test_without_postgres_there_is_still_a_report(shop: Shop, sources: AuditSources) -> None:
    away = Database.connect(f"postgresql://postgres@{NOBODY}/seckill", timeout_seconds=1)

    report = await run_audit(replace(sources, database=away))

    assert not report.ok
    assert "Postgres does not answer" in check_of(report, "A1").detail
    await away.aclose()


NOBODY = "127.0.0.1:1"
