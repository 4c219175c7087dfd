"""Two API processes as production runs them, over one Redis: what one of them knows by itself, and
what it grants, is never wrong for what happened at the other."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.redis.sold_out_lease import STANDS_SECONDS
from infra.redis.stock_gate import StockGate
from practice.stack.loopback import loopback_http
from tests.support.api_process import api_process
from tests.support.buyers import assert_problem
from tests.support.callers import SECRET, bearer
from tests.support.operators import new_sale, orderable
from tests.support.polling import until

ONE = {"quantity": 1}
FROM_MEMORY = "seckill_gate_sold_out_from_memory_total "
PEOPLE = [bearer(f"user-{number}") for number in range(6)]


@dataclass(frozen=True)
class Two:
    here: httpx.AsyncClient
    there: httpx.AsyncClient

    async def both(self, path: str, who: dict[str, str], **said: Any) -> list[httpx.Response]:
        """The same, asked at both processes at once."""
        return await asyncio.gather(
            *(api.post(path, headers=who, **said) for api in (self.here, self.there))
        )


@pytest.fixture
async def two(
    redis_url: str, postgres_dsn: str, redis: Redis, database: Database, tmp_path: Path
) -> AsyncIterator[Two]:
    stores = {
        "SECKILL_REDIS_URL": redis_url,
        "SECKILL_POSTGRES_DSN": postgres_dsn,
        "SECKILL_JWT_SECRET": SECRET,
    }
    folders = [tmp_path / name for name in ("here", "there")]
    async with AsyncExitStack() as closing:
        for folder in folders:
            folder.mkdir()
        # A process takes seconds to import what it needs: both at once.
        processes = await asyncio.gather(
            *(closing.enter_async_context(api_process(folder, **stores)) for folder in folders)
        )
        here, there = [
            await closing.enter_async_context(loopback_http(process.url)) for process in processes
        ]
        yield Two(here, there)


async def test_what_one_process_grants_binds_the_other(two: Two, redis: Redis) -> None:
    await _sold_out_is_forgotten_in_time(two, redis)
    await _a_room_is_one_room(two)


async def _sold_out_is_forgotten_in_time(two: Two, redis: Redis) -> None:
    item = {**new_sale()["items"][0], "stock": 1, "per_user_limit": 1}
    path = await orderable(two.here, items=[item])
    ada, bob, stranger = PEOPLE[:3]
    keyed = {**ada, "Idempotency-Key": "ada's"}
    won = await two.here.post(path, json=ONE, headers=keyed)
    assert won.status_code == 202, won.text

    async def is_refused_from_memory() -> bool:
        assert_problem(await two.there.post(path, json=ONE, headers=stranger), 409, "SOLD_OUT")
        return await _from_memory(two.there) > 0

    await until(is_refused_from_memory)
    # Whoever has a unit, or repeats, is asked of Redis, whichever process knows that all is sold.
    again = await two.there.post(path, json=ONE, headers=keyed)
    assert (again.status_code, again.json()) == (202, won.json())
    more = await two.there.post(path, json=ONE, headers=ada)
    assert assert_problem(more, 409, "LIMIT_REACHED")["order_id"] == won.json()["order_id"]

    _, _, _, sale_id, _, sku_id, _ = path.split("/")
    ref = ItemRef(sale_id=sale_id, sku_id=sku_id)
    await StockGate(redis).release(ref, won.json()["order_id"])
    await asyncio.sleep(STANDS_SECONDS)

    # The first click after that, and not some later one.
    assert (await two.there.post(path, json=ONE, headers=bob)).status_code == 202


async def _a_room_is_one_room(two: Two) -> None:
    item = {**new_sale()["items"][0], "stock": 2, "per_user_limit": 1}
    orders = await orderable(two.there, admission="queue", items=[item])
    path = orders.removesuffix("/orders")
    tickets = await asyncio.gather(*(two.both(f"{path}/room", who, json=ONE) for who in PEOPLE))
    seen = [{answer.json()["ticket"].split(".")[0] for answer in pair} for pair in tickets]
    assert all(len(of_one) == 1 for of_one in seen), "a place each, whoever was asked"
    places = sorted(pair[0].json()["place"] for pair in tickets)
    assert places == [1, 2, 3, 4, 5, 6]

    async def passes() -> list[list[httpx.Response]]:
        asked = await asyncio.gather(*(two.both(f"{path}/entry", who) for who in PEOPLE))
        return [pair for pair in asked if pair[0].is_success and pair[1].is_success]

    async def two_passes() -> list[list[httpx.Response]] | None:
        given = await passes()
        return given if len(given) == 2 else None

    given = await until(two_passes)
    assert len(await passes()) == 2, "as many as there are units, though both processes call"
    for first, second in given:
        assert first.json()["order_id"] == second.json()["order_id"]

    tokens = [(who, await two.here.post(f"{path}/entry", headers=who)) for who in PEOPLE]
    verdicts: Counter[int] = Counter()
    for who, entry in tokens:
        if not entry.is_success:
            assert_problem(entry, 409, "NOT_YOUR_TURN")
            continue
        with_pass = {**who, "X-Entry-Token": entry.json()["token"]}
        answers = await two.both(orders, with_pass, json=ONE)
        assert {answer.json()["order_id"] for answer in answers} == {entry.json()["order_id"]}
        verdicts.update(answer.status_code for answer in answers)
    assert verdicts == {202: 4}


async def _from_memory(api: httpx.AsyncClient) -> float:
    lines = (await api.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(FROM_MEMORY))
