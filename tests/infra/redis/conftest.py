from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from infra.redis.stock_gate import StockGate
from tests.support.own_redis import OwnRedis


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    await server.start()
    yield server
    await server.aclose()


@pytest.fixture
def gate(redis: Redis) -> StockGate:
    return StockGate(redis)
