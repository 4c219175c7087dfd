"""Two thousand people in one draw, each of whose places a stranger's code comes to as well."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text

from api.app import create_app
from dispatching.dispatcher import Dispatcher
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from tests.support.callers import SECRET, bearer, served
from tests.support.drawing import join_many
from tests.support.gate import LONG_AGO_MS, eventually
from tests.support.operators import drafted, published
from verifying.draw import faults_of, leaf_in, line_of
from verifying.sources import published_in

PEOPLE = 2_000
ADA = bearer("ada")


@pytest.fixture
async def api(
    redis_url: str, postgres_dsn: str, redis: Redis, database: Database
) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        redis_url=redis_url, postgres_dsn=postgres_dsn, jwt_secret=SecretStr(SECRET)
    )
    async with served(create_app(settings)) as client:
        yield client


async def a_draw(api: httpx.AsyncClient) -> ItemRef:
    """On sale in an hour, its pool open."""
    starts_at = datetime.now(UTC) + timedelta(hours=1)
    opens_at = starts_at - timedelta(hours=2)
    sale = await drafted(
        api,
        admission="draw",
        starts_at=starts_at.isoformat(),
        room_opens_at=opens_at.isoformat(),
    )
    await published(api, sale["sale_id"])
    return ItemRef(sale_id=sale["sale_id"], sku_id="teapot")


async def start(redis: Redis, item: ItemRef) -> None:
    """What the clock does."""
    gate = StockGate(redis)
    terms = await gate.terms(item)
    assert terms is not None
    await gate.preheat(terms.model_copy(update={"starts_at_ms": LONG_AGO_MS}), 5)


async def test_everybodys_place_is_as_a_stranger_works_it_out(
    api: httpx.AsyncClient, redis: Redis, database: Database
) -> None:
    item = await a_draw(api)
    room = f"/v1/sales/{item.sale_id}/items/{item.sku_id}/room"
    await published(api, item.sale_id)
    noted = (await api.get(room)).json()["seed_commitment"]
    mine = (await api.post(room, json={"quantity": 1}, headers=ADA)).json()["ticket"]
    await join_many(redis, item, (f"person {number}" for number in range(1, PEOPLE)))
    before = await _everything_shown(api, room, item, database)
    async with Dispatcher(redis, database).placing(asyncio.Event()):
        await start(redis, item)

        async def shown() -> Any:
            return (await api.get(room)).json()

        last = await eventually(shown, lambda said: said["seed"] is not None)

    texts = [(await api.get(f"{room}{part}")).text for part in ("", "/list", "/places")]
    found = published_in(*texts, noted_commitment=bytes.fromhex(noted))
    assert faults_of(found) == []
    assert len(found.leaves) == last["pool_size"] == PEOPLE
    line = line_of(found, leaf_in(mine, item.sale_id, item.sku_id))
    assert line is not None
    assert found.places is not None
    again = (await api.post(room, json={"quantity": 1}, headers=ADA)).json()
    assert again["place"] == found.places[line]
    # What was promised beforehand was not given away by anything that was shown.
    assert last["seed"] not in before
    async with database.transaction() as connection:
        seed = await connection.scalar(text("SELECT encode(seed, 'hex') FROM draw_seeds"))
    assert seed == last["seed"]


async def _everything_shown(
    api: httpx.AsyncClient, room: str, item: ItemRef, database: Database
) -> str:
    """Of the sale and its room, to whomever, before the pool has ended."""
    operator = bearer("olga", "operator")
    addresses = [room, f"{room}/list", f"{room}/places", f"/v1/sales/{item.sale_id}"]
    answers = [await api.get(address) for address in addresses]
    answers.append(await api.get(f"/v1/operator/sales/{item.sale_id}", headers=operator))
    assert [answer.status_code for answer in answers] == [200, 404, 404, 200, 200]
    return " ".join(answer.text for answer in answers)
