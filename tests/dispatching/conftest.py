"""A shop whose orders are dispatched, on a Temporal with the real clock."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from temporalio.client import Client

from infra.postgres.engine import Database
from tests.support.shop import Shop, open_shop


@pytest.fixture
async def shop(database: Database, redis: Redis, temporal_client: Client) -> AsyncIterator[Shop]:
    async with open_shop(database, redis, temporal_client, stock=20) as opened:
        yield opened
