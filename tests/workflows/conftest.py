"""A shop on a Temporal whose clock skips over waiting."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner

from infra.postgres.engine import Database
from tests.support.shop import Shop, open_shop

CACHES = [
    pytest.param({}, id="cached"),
    # Without a cache each workflow task replays the whole story: what is not deterministic shows.
    pytest.param(
        {
            "workflow_runner": UnsandboxedWorkflowRunner(),
            "max_cached_workflows": 0,
            "max_concurrent_workflow_tasks": 1,
            "workflow_task_poller_behavior": PollerBehaviorSimpleMaximum(1),
        },
        id="replayed",
    ),
]


@pytest.fixture(params=CACHES)
async def shop(
    request: pytest.FixtureRequest,
    database: Database,
    redis: Redis,
    time_skipping: WorkflowEnvironment,
) -> AsyncIterator[Shop]:
    options: dict[str, Any] = request.param
    async with (
        open_shop(database, redis, time_skipping.client) as opened,
        opened.worker(**options),
    ):
        yield opened
