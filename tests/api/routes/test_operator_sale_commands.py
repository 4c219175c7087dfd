"""Sales as operators pause, resume and close them."""

import asyncio
from functools import partial

import httpx
import pytest
from redis.asyncio import Redis

from api.app import create_app
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate
from infra.sale_at_gate import SaleAtGate
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import served
from tests.support.commanding import change, command, commands_of, on_sale, order, restock
from tests.support.operators import drafted
from tests.support.outages import standing_still, without
from tests.support.polling import until


async def test_a_pause_stops_a_sale_and_a_resume_lets_it_go_on(
    api: httpx.AsyncClient, database: Database
) -> None:
    sale_id = await on_sale(api)
    version = (await command(api, sale_id, "pause")).json()["version"]

    paused = await order(api, sale_id)
    shown = (await api.get(f"/v1/sales/{sale_id}")).json()
    resumed = (await command(api, sale_id, "resume", {})).json()

    assert_problem(paused, 409, "PAUSED")
    assert shown["status"] == "paused"
    assert (resumed["status"], resumed["version"]) == ("open", version + 1)
    assert (await order(api, sale_id)).status_code == 202
    assert await commands_of(database, sale_id) == [
        ("operator:olga", "publish", "", version - 1),
        ("operator:olga", "pause", "looked into it", version),
        ("operator:olga", "resume", "", version + 1),
    ]


async def test_a_close_ends_a_sale_for_good(api: httpx.AsyncClient) -> None:
    sale_id = await on_sale(api)
    assert (await order(api, sale_id)).status_code == 202

    closed = (await command(api, sale_id, "close")).json()

    assert closed["status"] == "closed"
    assert closed["ends_at"] <= closed["server_time"]
    assert_problem(await order(api, sale_id), 409, "ENDED")
    for name in ("resume", "pause"):
        answer = await command(api, sale_id, name)
        assert assert_problem(answer, 409, "INVALID_STATE")["sale_status"] == "closed"
    assert (await command(api, sale_id, "close")).status_code == 200


async def test_a_key_is_one_command(api: httpx.AsyncClient) -> None:
    sale_id = await on_sale(api)
    first = await command(api, sale_id, "pause", key="noon")
    await command(api, sale_id, "resume")

    again = await command(api, sale_id, "pause", key="noon")
    other = await command(api, sale_id, "pause", {"reason": "another"}, key="noon")

    assert again.json() == first.json()
    assert_problem(other, 409, "IDEMPOTENCY_MISMATCH")
    assert (await order(api, sale_id)).status_code == 202


@pytest.mark.parametrize("name", ["pause", "resume", "close"])
async def test_an_unknown_sale_and_a_draft_take_no_command(
    api: httpx.AsyncClient, name: str
) -> None:
    sale_id = (await drafted(api))["sale_id"]

    assert_problem(await command(api, "none-such", name), 404, "NOT_FOUND")
    answer = await command(api, sale_id, name)
    assert assert_problem(answer, 409, "INVALID_STATE")["sale_status"] == "draft"


async def test_a_close_needs_a_reason(api: httpx.AsyncClient) -> None:
    assert_problem(await command(api, await on_sale(api), "close", {}), 422, "INVALID")


@pytest.mark.parametrize("name", ["pause", "close"])
async def test_the_gate_stops_while_postgres_is_away_and_stays_so(
    api: httpx.AsyncClient, settings: Settings, redis: Redis, database: Database, name: str
) -> None:
    sale_id = await on_sale(api)
    async with served(create_app(without(settings, "postgres"))) as cut_off:
        answer = await command(cut_off, sale_id, name)
    detail = assert_problem(answer, 503, "UNAVAILABLE")["detail"]
    assert "the gate is stopped" in detail
    assert_problem(await order(api, sale_id), 409, "PAUSED")

    gate = StockGate(redis)
    # Whoever brings the gate to what Postgres says puts on record first what stopped it.
    await SaleAtGate(database, gate).bring(sale_id)

    assert (await commands_of(database, sale_id))[1][1:3] == (name, "looked into it")
    assert await gate.commands.stop_of(ItemRef(sale_id=sale_id, sku_id="teapot")) is None
    code = "PAUSED" if name == "pause" else "ENDED"
    assert_problem(await order(api, sale_id), 409, code)


@pytest.mark.parametrize("name", ["pause", "close"])
async def test_the_gate_stops_while_postgres_stands_still(
    api: httpx.AsyncClient, settings: Settings, name: str
) -> None:
    sale_id = await on_sale(api)
    async with standing_still() as address:
        changes = {"postgres_dsn": f"postgresql://nobody@{address}/none"}
        still = settings.model_copy(update={**changes, "postgres_timeout_seconds": 0.5})
        async with served(create_app(still)) as waiting:
            said = asyncio.create_task(command(waiting, sale_id, name))
            await until(partial(_is_stopped, api, sale_id), "the gate to stop")
            assert_problem(await said, 503, "UNAVAILABLE")


async def test_no_command_waits_for_temporal(
    api: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale_id = (await drafted(api))["sale_id"]
    async with standing_still() as address:
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        async with served(create_app(settings.model_copy())) as waiting:
            said = [await command(waiting, sale_id, name) for name in ("publish", "pause")]
            assert_problem(await order(waiting, sale_id), 409, "PAUSED")
            said += [await command(waiting, sale_id, "resume"), await restock(waiting, sale_id, 1)]
            said.append(await change(waiting, sale_id, {"name": "x"}))
            said += [await command(waiting, sale_id, name) for name in ("publish", "close")]

    assert [answer.status_code for answer in said] == [200] * 7
    assert_problem(await order(api, sale_id), 409, "ENDED")


async def _is_stopped(api: httpx.AsyncClient, sale_id: str) -> bool:
    return bool((await order(api, sale_id)).json().get("code") == "PAUSED")


async def test_what_is_on_record_and_not_at_the_gate_says_so_and_is_done_when_said_again(
    api: httpx.AsyncClient, settings: Settings
) -> None:
    sale_id = await on_sale(api)
    await command(api, sale_id, "pause")
    async with served(create_app(without(settings, "redis"))) as cut_off:
        answer = await command(cut_off, sale_id, "resume", key="go on")

    assert "is on record" in assert_problem(answer, 503, "UNAVAILABLE")["detail"]
    assert_problem(await order(api, sale_id), 409, "PAUSED")
    assert (await command(api, sale_id, "resume", key="go on")).json()["status"] == "open"
    assert (await order(api, sale_id)).status_code == 202
