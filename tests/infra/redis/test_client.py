from typing import Any

import pytest
from redis.exceptions import RedisError

from infra.redis.client import connect_redis
from infra.settings import Settings, UnusableSetting
from practice.stack.ports import free_port
from tests.support.own_redis import OwnRedis


async def test_text_comes_back_as_text(redis_url: str) -> None:
    async with connect_redis(Settings(redis_url=redis_url)) as client:
        await client.set("名前", "ada")
        assert await client.get("名前") == "ada"


async def test_a_server_that_is_not_there_fails_whoever_asks_and_not_the_start() -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    async with connect_redis(Settings(redis_url=url, redis_timeout_seconds=0.3)) as client:
        with pytest.raises(RedisError):
            await client.ping()


@pytest.mark.parametrize(
    "url",
    [
        "http://cache.example",
        "redis://:half/secret@cache.example:6379/0",
        "redis://:secret@cache.example:6379/0?pool=5",
        "redis://:secret@cache.example:6379/0?health_check_interval=often",
    ],
)
def test_an_address_of_no_use_is_named_in_one_line_without_secrets(url: str) -> None:
    with pytest.raises(UnusableSetting, match=r"^SECKILL_REDIS_URL: ") as refused:
        connect_redis(Settings(redis_url=url))

    assert "secret" not in str(refused.value)
    assert "half" not in str(refused.value)


async def test_a_server_that_comes_back_is_found_again(own_redis: OwnRedis) -> None:
    await own_redis.client.set("key", "kept")
    await own_redis.kill()
    await own_redis.start()

    assert await own_redis.client.get("key") == "kept"


async def test_a_connection_that_uvloop_has_found_closed_is_a_broken_one(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: object) -> None:
        raise RuntimeError("unable to perform operation on a transport; the handler is closed")

    async with connect_redis(Settings(redis_url=redis_url)) as client:
        await client.set("key", "kept")
        pool: Any = client.connection_pool
        connection = await pool.get_connection()
        monkeypatch.setattr(connection._writer, "writelines", closed)
        await pool.release(connection)

        assert await client.get("key") == "kept"
