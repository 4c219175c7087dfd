"""A shop on a Temporal whose clock skips over waiting."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from infra.postgres.engine import Database
from tests.shop import Shop, open_shop


@pytest.fixture
async def shop(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> AsyncIterator[Shop]:
    async with open_shop(database, redis, time_skipping.client) as opened, opened.worker():
        yield opened
