"""Every activity and every workflow that there is, is served: one that is forgotten would wait."""

import asyncio
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select
from temporalio import activity

import activities
import workflows
from audit.sources import open_sources
from domain.attention import AttentionKind
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.tables.attentions import attentions
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.stores import open_stores
from side_queues import SALE_WORKFLOWS
from tests.support.polling import until
from tests.support.sender_double import SenderDouble
from tests.support.workflows_double import WorkflowsDouble
from worker import WORKFLOWS, activities_of, build_activities, run_worker


def modules_of(room: ModuleType) -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(room.__path__):
        yield import_module(f"{room.__name__}.{module.name}")


def classes_of(room: ModuleType) -> Iterator[type]:
    for module in modules_of(room):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__:
                yield found


def names_of(methods: list[Any]) -> list[str]:
    return [method.__temporal_activity_definition.name for method in methods]


async def test_every_activity_is_served_once() -> None:
    async with open_stores(Settings()) as stores:
        served = build_activities(
            stores.database,
            StockGate(stores.redis),
            {},
            SenderDouble(),
            WorkflowsDouble(),
            partial(open_sources, Settings(), WorkflowsDouble()),
            refund_spacing=timedelta(0),
            refund_calls_per_second=100.0,
        )

    names = names_of([*served.general, *served.sales, *served.refund_calls])
    there_are = {
        method.__temporal_activity_definition.name
        for found in classes_of(activities)
        for _, method in inspect.getmembers(found, inspect.isfunction)
        if hasattr(method, "__temporal_activity_definition")
    }
    assert sorted(names) == sorted(there_are)


def test_every_workflow_is_served() -> None:
    there_are = {
        found for found in classes_of(workflows) if "__temporal_workflow_definition" in vars(found)
    }

    assert {*WORKFLOWS, *SALE_WORKFLOWS} == there_are


def test_only_what_is_defined_as_an_activity_is_one() -> None:
    class Room:
        @activity.defn
        async def step(self) -> None: ...

        async def no_step(self) -> None: ...

    room = Room()

    assert activities_of(room) == [room.step]


async def test_operators_are_called_although_temporal_and_redis_are_away(
    database: Database, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    settings = Settings(postgres_dsn=postgres_dsn, redis_url="redis://127.0.0.1:1/0")
    async with database.transaction() as connection:
        await Attentions(connection).raise_(
            AttentionKind.STOCK_DRIFT, "O1", what="it broke", advice="mend it"
        )
    stop = asyncio.Event()
    working = asyncio.create_task(run_worker(settings, stop))

    async def is_told() -> bool:
        async with database.transaction() as connection:
            return await connection.scalar(select(attentions.c.told)) == 1

    await until(is_told)
    stop.set()
    await working
