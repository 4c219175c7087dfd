from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from domain.reservation import GateVerdict
from domain.sale import Admission
from infra.redis.stock_gate import StockGate
from tests.support.gate import request_for
from tests.support.own_redis import OwnRedis
from tests.support.rooms import Room


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    await server.start()
    yield server
    await server.aclose()


@pytest.fixture
def gate(redis: Redis) -> StockGate:
    return StockGate(redis)


@pytest.fixture
async def queue(redis: Redis) -> Room:
    """Three units, and nobody there."""
    return await Room.open(redis, stock=3)


@pytest.fixture
async def sold_out(redis: Redis) -> Room:
    """An open sale of one unit, which O1 holds."""
    room = await Room.open(redis, stock=1, admission=Admission.OPEN)
    held = await room.gate.reserve(request_for("O1", "owner"))
    assert held.verdict is GateVerdict.RESERVED
    return room
