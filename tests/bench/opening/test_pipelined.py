"""Commands of one turn of the loop share a way, and each has its own answer."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoServer
from redis.exceptions import ResponseError

from bench.opening.pipelined import PipelinedRedis


async def test_each_command_has_its_own_answer_or_error(redis: Redis, redis_url: str) -> None:
    async with PipelinedRedis(redis_url) as together:
        await together.set("text", "a")
        answers = await asyncio.gather(
            together.get("text"), together.incr("text"), together.incr("number"),
            return_exceptions=True,
        )  # fmt: skip

    assert answers[0] == "a"
    assert isinstance(answers[1], ResponseError)
    assert answers[2] == 1


async def test_a_server_that_is_away_fails_all_that_was_asked() -> None:
    together = PipelinedRedis("redis://127.0.0.1:1/0")
    with pytest.raises(NoServer):
        await together.get("text")
    await together.aclose()
