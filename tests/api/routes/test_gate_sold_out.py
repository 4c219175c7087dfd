"""Sold out, said from memory: by two API processes' worth of gates on one Redis."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.support.buyers import assert_problem, click
from tests.support.callers import ADA, BOB, bearer, served
from tests.support.polling import until
from tests.support.shop import Shop

CYD = bearer("cyd")


@pytest.fixture
async def apis(settings: Settings, shop: Shop) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two, and the shop's five units are two winners'."""
    async with AsyncExitStack() as closing:
        apis = [await closing.enter_async_context(served(create_app(settings))) for _ in range(2)]
        for user_id in ("wim", "wanda"):
            await shop.click(user_id, 2)
        await click(apis[0], shop, ADA, key="cart-7")
        yield apis


async def _from_memory(api: httpx.AsyncClient, shop: Shop) -> bool:
    answer = await click(api, shop, BOB)
    assert_problem(answer, 409, "SOLD_OUT")
    return bool(answer.headers.get("retry-after") == "1")


async def test_strangers_are_refused_from_memory_and_whoever_ordered_is_asked_of_redis(
    apis: list[httpx.AsyncClient], shop: Shop
) -> None:
    for api in apis:
        await until(lambda api=api: _from_memory(api, shop), "a refusal from memory")  # type: ignore[misc]

    for api in apis:
        assert (await click(api, shop, ADA, key="cart-7")).status_code == 202
        assert_problem(await click(api, shop, ADA, 2, key="cart-7"), 409, "IDEMPOTENCY_MISMATCH")
        assert_problem(await click(api, shop, ADA, 2), 409, "LIMIT_REACHED")
        assert_problem(await click(api, shop, CYD, 3), 409, "LIMIT_REACHED")
    told = (await apis[0].get("/metrics")).text
    assert 'seckill_gate_verdicts_total{verdict="SOLD_OUT"}' in told
    assert "seckill_gate_sold_out_from_memory_total" in told


async def test_a_unit_that_came_back_is_anybodys(apis: list[httpx.AsyncClient], shop: Shop) -> None:
    for api in apis:
        await until(lambda api=api: _from_memory(api, shop), "a refusal from memory")  # type: ignore[misc]
    order_id = (await click(apis[0], shop, ADA, key="cart-7")).json()["order_id"]

    await shop.gate.release(shop.item.ref, order_id)

    async def taken() -> bool:
        return (await click(apis[1], shop, CYD)).status_code == 202

    await until(taken, "the unit")
    # A winner who repeats at the other node may hear SOLD_OUT once.
    await until(lambda: _is_known(apis[0], shop), "the winner to be known")


async def _is_known(api: httpx.AsyncClient, shop: Shop) -> bool:
    return bool((await click(api, shop, CYD, 2)).json()["code"] == "LIMIT_REACHED")
