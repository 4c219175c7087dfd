"""A preflight over HTTP: each line looked at over the real stores, and an order in practice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from dispatching.dispatcher import Dispatcher
from domain.sale import PRACTICE_SALE_ID
from infra.settings import Settings
from infra.temporal.queues import refund_queue
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.shop import Shop


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    return settings.model_copy(update={"task_queue": shop.settings.task_queue})


@pytest.fixture
async def manned(shop: Shop, redis: Redis) -> AsyncIterator[Shop]:
    """As a worker process: places what was accepted, starts it, and serves the queues."""
    stop, dispatcher = asyncio.Event(), Dispatcher(redis, shop.database)
    async with shop.worker(), dispatcher.placing(stop):
        starting = asyncio.create_task(dispatcher.start_workflows(shop.workflows, stop))
        yield shop
        stop.set()
        await starting


async def lines(api: httpx.AsyncClient, sale_id: str, query: str = "") -> dict[str, Any]:
    answer = await api.get(f"/v1/operator/sales/{sale_id}/preflight{query}", headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    checks = answer.json()["checks"]
    assert answer.json()["ok"] == all(check["ok"] for check in checks)
    return {check["code"]: check for check in checks}


async def test_a_practice_order_goes_the_whole_way_and_is_shown_nowhere(
    api: httpx.AsyncClient, manned: Shop
) -> None:
    seen = await lines(api, manned.sale.sale_id)

    assert seen["dry_run"]["ok"], seen["dry_run"]
    for code in ("stock", "terms", "clocks", "connections", "workers", "search_attributes"):
        assert seen[code]["ok"], seen[code]
    # Nobody serves these here.
    assert not seen["providers"]["ok"]
    assert not seen["webhook"]["ok"]
    for path in ("/v1/sales", "/v1/operator/sales"):
        sales = (await api.get(path, headers=OPERATOR)).json()["sales"]
        assert PRACTICE_SALE_ID not in [sale["sale_id"] for sale in sales]
    assert_problem(await api.get(f"/v1/sales/{PRACTICE_SALE_ID}"), 404, "NOT_FOUND")
    orders = (await api.get("/v1/operator/orders", headers=OPERATOR)).json()["orders"]
    assert orders == []
    found = await api.get(f"/v1/operator/orders?sale_id={PRACTICE_SALE_ID}", headers=OPERATOR)
    assert [order["status"] for order in found.json()["orders"]] == ["refunded"]
    gate = f"/v1/sales/{PRACTICE_SALE_ID}/items/practice/orders"
    bought = await api.post(gate, json={"quantity": 1}, headers=ADA)
    assert_problem(bought, 403, "FORBIDDEN")


async def test_what_is_wrong_says_so_and_what_to_do(api: httpx.AsyncClient, shop: Shop) -> None:
    terms = await shop.gate.terms(shop.item.ref)
    assert terms is not None
    await shop.gate.rebuild(terms.model_copy(update={"per_user_limit": 9}), 4, ())

    seen = await lines(api, shop.sale.sale_id, "?dry_run=false")

    assert "dry_run" not in seen
    for code, said in {
        "stock": "4 free and 0 reserved",
        "terms": "per_user_limit is 9 and not 2",
        "workers": f"{refund_queue(shop.settings.task_queue)} (activities): 0",
    }.items():
        assert seen[code]["ok"] is False
        assert said in str(seen[code]["detail"])
        assert seen[code]["advice"]


async def test_who_may_not_or_names_no_sale_is_refused(api: httpx.AsyncClient, shop: Shop) -> None:
    path = f"/v1/operator/sales/{shop.sale.sale_id}/preflight"

    assert_problem(await api.get(path, headers=ADA), 403, "FORBIDDEN")
    assert_problem(await api.get(f"{path}?dry_run=perhaps", headers=OPERATOR), 422, "INVALID")
    unknown = await api.get("/v1/operator/sales/nosuch/preflight", headers=OPERATOR)
    assert_problem(unknown, 404, "NOT_FOUND")
