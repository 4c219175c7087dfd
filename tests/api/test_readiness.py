"""/readyz says what can be done, not who answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from api.app import create_app
from api.readiness import ReadinessLook
from infra.redis.probe import PROBE
from infra.settings import Settings
from practice.stack.ports import free_port
from practice.stack.redis import RedisServer
from tests.support.callers import served
from tests.support.servers import running

Act = Callable[[Redis], Awaitable[Any]]


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[Redis]:
    """A server that a test may spoil."""
    server = RedisServer(tmp_path / "data", free_port(), durable=False)
    async with running(server, tmp_path) as address:
        client = Redis.from_url(address, decode_responses=True)
        yield client
        await client.aclose()


def at(settings: Settings, redis: Redis) -> Settings:
    where = redis.connection_pool.connection_kwargs
    return settings.model_copy(
        update={"redis_url": f"redis://{where['host']}:{where['port']}/0", "dev_login": False}
    )


async def make_a_replica(redis: Redis) -> None:
    await redis.replicaof("127.0.0.1", "1")


async def fill(redis: Redis) -> None:
    await redis.config_set("maxmemory-policy", "noeviction")
    # Below what an empty server takes.
    await redis.config_set("maxmemory", "1")


async def want_replicas(redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", "1")


async def break_the_disk(redis: Redis) -> None:
    """A snapshot that cannot be written stops all writes."""
    await redis.config_set("save", "900 1")
    await redis.config_set("dir", "/proc")
    await redis.set("a", "b")
    await redis.bgsave()
    async with asyncio.timeout(60):
        while (await redis.info("persistence"))["rdb_last_bgsave_status"] != "err":
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (make_a_replica, "read-only replica"),
        (fill, "is full"),
        (want_replicas, "too few replicas"),
        (break_the_disk, "cannot write to its disk"),
    ],
)
async def test_a_redis_that_answers_and_takes_nothing_is_not_ready(
    settings: Settings, own_redis: Redis, spoil: Act, said: str
) -> None:
    await spoil(own_redis)

    async with served(create_app(at(settings, own_redis))) as api:
        ready = await api.get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["ok"] is False
    redis = ready.json()["dependencies"]["redis"]
    assert (redis["ok"], redis["needed"]) == (False, True)
    assert said in redis["detail"]
    assert "127.0.0.1" not in ready.text
    # A Redis that cannot save refuses to end, and would be killed a while later.
    await own_redis.config_set("save", "")


async def test_a_redis_that_is_well_again_is_ready_within_a_second(
    settings: Settings, own_redis: Redis
) -> None:
    await make_a_replica(own_redis)
    async with served(create_app(at(settings, own_redis))) as api:
        assert (await api.get("/readyz")).status_code == 503
        await own_redis.replicaof("NO", "ONE")
        await asyncio.sleep(1.1)
        assert (await api.get("/readyz")).status_code == 200


async def test_the_probe_goes_away_by_itself(api: httpx.AsyncClient, redis: Redis) -> None:
    await api.get("/readyz")

    assert 0 < await redis.pttl(PROBE) <= 10_000


async def test_a_postgres_that_takes_no_writes_says_so(
    settings: Settings, postgres_dsn: str, database: object, redis: Redis
) -> None:
    async def forbid(word: str) -> None:
        connection = await asyncpg.connect(postgres_dsn)
        await connection.execute(f"ALTER ROLE postgres SET default_transaction_read_only = {word}")
        await connection.close()

    await forbid("on")
    try:
        async with served(create_app(settings)) as api:
            ready = await api.get("/readyz")
    finally:
        admin = await asyncpg.connect(
            postgres_dsn, server_settings={"default_transaction_read_only": "off"}
        )
        await admin.execute("ALTER ROLE postgres RESET default_transaction_read_only")
        await admin.close()

    # Orders are accepted all the same.
    assert ready.status_code == 200
    postgres = ready.json()["dependencies"]["postgres"]
    assert (postgres["ok"], postgres["detail"]) == (False, "answers, but is read-only")


async def test_a_temporal_without_our_namespace_says_so(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "elsewhere")
    async with served(create_app(settings)) as api:
        temporal = (await api.get("/readyz")).json()["dependencies"]["temporal"]

    assert temporal["ok"] is False
    assert "namespace" in temporal["detail"]


async def test_asking_often_costs_nothing(settings: Settings, redis: Redis) -> None:
    asked = 0

    class Counted:
        async def ping(self) -> None:
            nonlocal asked
            asked += 1

        async def takes_writes(self) -> bool:
            return True

    counted: Any = Counted()
    look = ReadinessLook(redis, counted, counted)
    seen = await asyncio.gather(*(look.look() for _ in range(50)))

    assert asked == 1
    assert all(one.ok for one in seen)
