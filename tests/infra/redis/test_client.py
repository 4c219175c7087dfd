import pytest
from redis.exceptions import RedisError

from infra.redis.client import connect_redis
from infra.settings import Settings
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


async def test_a_server_that_comes_back_is_found_again(own_redis: OwnRedis) -> None:
    await own_redis.client.set("key", "kept")
    await own_redis.kill()
    await own_redis.start()

    assert await own_redis.client.get("key") == "kept"
