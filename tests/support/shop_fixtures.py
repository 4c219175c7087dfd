"""The miniature shop as most tests of workflows want it; rooms with other wants have their own."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from temporalio.client import Client
    from temporalio.testing import WorkflowEnvironment

    from infra.postgres.engine import Database
    from tests.support.shop import Shop


@pytest.fixture(params=["cached", "replayed"])
async def shop(
    request: pytest.FixtureRequest,
    database: "Database",
    redis: "Redis",
    time_skipping: "WorkflowEnvironment",
) -> "AsyncIterator[Shop]":
    """With its worker, on a Temporal whose clock skips over waiting. What is not deterministic
    shows: once in Temporal's sandbox, and once `replayed`, without a cache, where each workflow
    task runs the workflow from its beginning."""
    from tests.support.shop import open_shop
    from tests.support.workflow_sandbox import SANDBOX

    options = _without_cache() if request.param == "replayed" else {"workflow_runner": SANDBOX}
    async with (
        open_shop(database, redis, time_skipping.client) as opened,
        opened.worker(**options),
    ):
        yield opened


@pytest.fixture
async def shop_without_worker(
    database: "Database", redis: "Redis", temporal_client: "Client"
) -> "AsyncIterator[Shop]":
    """On the session's Temporal, in real time; no worker runs unless a test starts one."""
    from tests.support.shop import open_shop

    async with open_shop(database, redis, temporal_client) as opened:
        yield opened


def _without_cache() -> dict[str, Any]:
    from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner

    return {
        "workflow_runner": UnsandboxedWorkflowRunner(),
        "max_cached_workflows": 0,
        "max_concurrent_workflow_tasks": 1,
        "workflow_task_poller_behavior": PollerBehaviorSimpleMaximum(1),
    }
