"""Sales as operators draft and publish them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from api.app import create_app
from domain.reservation import ReservationState
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR, served
from tests.support.operators import acts_of, drafted, new_sale, published
from tests.support.outages import without
from tests.support.placing import place_all
from tests.support.shop import Shop


async def test_a_sale_is_published_until_its_start_and_closed_after_its_end(
    api: httpx.AsyncClient,
) -> None:
    now = datetime.now(UTC)
    coming = await drafted(api, starts_at=(now + timedelta(hours=1)).isoformat())
    past = await drafted(
        api,
        starts_at=(now - timedelta(hours=2)).isoformat(),
        ends_at=(now - timedelta(hours=1)).isoformat(),
    )

    assert (await published(api, coming["sale_id"]))["status"] == "published"
    assert (await published(api, past["sale_id"]))["status"] == "closed"


async def test_publishing_again_never_gives_stock_back(api: httpx.AsyncClient) -> None:
    sale_id = (await drafted(api))["sale_id"]
    await published(api, sale_id)
    path = f"/v1/sales/{sale_id}/items/teapot/orders"
    assert (await api.post(path, json={"quantity": 2}, headers=ADA)).status_code == 202

    again = await published(api, sale_id)

    assert again["items"][0]["remaining"] == 3


async def test_publishing_again_puts_back_what_redis_lost_with_its_orders(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    intent = await shop.intent("ada", 2)
    await place_all(shop.database, [intent])
    await redis.flushall()

    await published(api, shop.sale.sale_id)

    line = await shop.gate.reservation(shop.item.ref, intent.order_id)
    assert line is not None
    assert (line.state, line.quantity) == (ReservationState.HELD, 2)
    assert await shop.counts() == (3, 2, 0, 3)


async def test_a_key_publishes_once(api: httpx.AsyncClient) -> None:
    path = f"/v1/operator/sales/{(await drafted(api))['sale_id']}/publish"
    keyed = {**OPERATOR, "Idempotency-Key": "now"}

    answers = [await api.post(path, json={}, headers=keyed) for _ in range(2)]
    other = await api.post(path, json={"reason": "again"}, headers=keyed)

    assert answers[0].json() == answers[1].json()
    assert_problem(other, 409, "IDEMPOTENCY_MISMATCH")


async def test_who_drafted_and_published_a_sale_is_on_record(
    api: httpx.AsyncClient, database: Database
) -> None:
    key = {**OPERATOR, "Idempotency-Key": "autumn"}
    body = new_sale()
    drafts = [await api.post("/v1/operator/sales", json=body, headers=key) for _ in range(2)]
    sale_id = drafts[0].json()["sale_id"]
    path = f"/v1/operator/sales/{sale_id}/publish"
    await api.post(path, json={"reason": "the lawyers agree"}, headers=OPERATOR)
    await api.post("/v1/operator/sales/none-such/publish", headers=OPERATOR)

    assert await acts_of(database) == [
        ("operator:olga", "sale_drafted", sale_id, ""),
        ("operator:olga", "sale_published", sale_id, "the lawyers agree"),
    ]


async def test_a_cancelled_sale_is_neither_seen_nor_published(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    draft = await drafted(api)
    async with shop.database.transaction() as connection:
        await Sales(connection).change_status(
            draft["sale_id"], SaleStatus.DRAFT, SaleStatus.CANCELLED
        )

    assert_problem(await api.get(f"/v1/sales/{draft['sale_id']}"), 404, "NOT_FOUND")
    answer = await api.post(f"/v1/operator/sales/{draft['sale_id']}/publish", headers=OPERATOR)
    assert assert_problem(answer, 409, "INVALID_STATE")["sale_status"] == "cancelled"


async def test_operators_see_drafts_too(api: httpx.AsyncClient) -> None:
    sale_id = (await drafted(api))["sale_id"]

    page = (await api.get("/v1/operator/sales", headers=OPERATOR)).json()
    one = (await api.get(f"/v1/operator/sales/{sale_id}", headers=OPERATOR)).json()

    assert [sale["sale_id"] for sale in page["sales"]] == [sale_id]
    assert one["items"][0]["stock"] == one["items"][0]["available"] == 5
    assert one["items"][0]["held"] == one["items"][0]["sold"] == 0


def item(**changes: Any) -> dict[str, Any]:
    return {**new_sale()["items"][0], **changes}


BAD_SALES: dict[str, dict[str, Any]] = {
    "no name": {"name": ""},
    "a long name": {"name": "n" * 201},
    "NUL in the name": {"name": "a\0b"},
    "name is a number": {"name": 7},
    "no items": {"items": []},
    "one sku twice": {"items": [item(), item()]},
    "ends before it starts": {"ends_at": "2020-01-01T00:00:00Z"},
    "a time without a zone": {"starts_at": "2026-01-01T00:00:00"},
    "no time": {"starts_at": "soon"},
    "no time to pay": {"pay_window_seconds": 0},
    "text as a number": {"pay_window_seconds": "1800"},
    "text as a truth": {"requires_entry_token": "yes"},
    "a token nobody gives": {"requires_entry_token": True},
    "a name of blanks": {"name": " \u3000 "},
    "a name nobody sees": {"name": "\u200b\u202e"},
    "a name of what Alipay drops": {"name": "/=&"},
    "a title nobody sees": {"items": [item(title="\u00a0")]},
    "a start before all clocks": {"starts_at": "0001-01-01T00:00:00+08:00"},
    "a start before 2000": {"starts_at": "1999-12-31T23:59:59Z"},
    "a start in 2000 elsewhere": {"starts_at": "2000-01-01T00:00:00+00:01"},
    "an end after all clocks": {"ends_at": "9999-12-31T23:59:59-01:00"},
    "no end": {"ends_at": "9999-12-31T23:59:59.999999Z"},
    "an end in 2200": {"ends_at": "2200-01-01T00:00:00Z"},
    "a time in seconds": {"starts_at": 0},
    "a time in seconds, in text": {"starts_at": "0"},
    "a day as a time": {"starts_at": "2026-01-01"},
    "a time with a blank": {"starts_at": "2026-01-01 00:00:00Z"},
    "a window of a week and a second": {"pay_window_seconds": 7 * 86_400 + 1},
    "a member nobody knows": {"notes": "x"},
    "a member of an item nobody knows": {"items": [item(limit=1)]},
    "a price above Alipay's": {"items": [item(price=10**10 + 1, per_user_limit=1)]},
    "an order above Alipay's": {"items": [item(price=10**10 // 2 + 1, per_user_limit=2)]},
    "points above what a payment holds": {
        "items": [item(points_price=10**10 // 2 + 1, per_user_limit=2)]
    },
    "a list price above Alipay's": {"items": [item(list_price=10**10 + 1)]},
    "too many items": {"items": [item(sku_id=f"s{number}") for number in range(201)]},
    "no stock": {"items": [item(stock=0)]},
    "negative stock": {"items": [item(stock=-1)]},
    "too much stock": {"items": [item(stock=10**30)]},
    "broken stock": {"items": [item(stock=1.5)]},
    "whole stock as a float": {"items": [item(stock=5.0)]},
    "a price of nothing": {"items": [item(price=0)]},
    "a price in text": {"items": [item(price="8800")]},
    "a true price": {"items": [item(price=True)]},
    "no limit": {"items": [item(per_user_limit=0)]},
    "a sku with a slash": {"items": [item(sku_id="a/b")]},
    "a sku with a newline": {"items": [item(sku_id="teapot\n")]},
    "a sku with a brace": {"items": [item(sku_id="{x}")]},
    "another currency": {"items": [item(currency="XXX")]},
    "items are no list": {"items": {"sku_id": "teapot"}},
}


@pytest.mark.parametrize("changes", BAD_SALES.values(), ids=BAD_SALES)
async def test_a_sale_that_makes_no_sense_is_invalid(
    api: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    answer = await api.post("/v1/operator/sales", json=new_sale(**changes), headers=OPERATOR)

    problem = assert_problem(answer, 422, "INVALID")
    assert problem["errors"]
    page = (await api.get("/v1/operator/sales", headers=OPERATOR)).json()
    assert page["sales"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"price": 10**10, "per_user_limit": 1},
        {"price": 10**7, "per_user_limit": 1000, "points_price": 10**7},
        {"list_price": 10**10},
    ],
)
async def test_what_a_provider_can_just_write_may_be_asked(
    api: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    sale = await drafted(api, items=[item(**changes)])

    assert changes.items() <= sale["items"][0].items()


async def test_texts_are_kept_without_what_nobody_sees_around_them(
    api: httpx.AsyncClient,
) -> None:
    sale = await drafted(api, name=" \u200b秋 sale\u3000", items=[item(title="👩‍🚀 mug ")])

    assert sale["name"] == "秋 sale"
    assert sale["items"][0]["title"] == "👩‍🚀 mug"


@pytest.mark.parametrize("ascii_only", [True, False])
async def test_a_sale_may_be_as_large_as_its_bounds_allow(
    api: httpx.AsyncClient, ascii_only: bool
) -> None:
    items = [item(sku_id="s" * 61 + f"{number:03}", title="😀" * 200) for number in range(200)]
    body = json.dumps(new_sale(name="😀" * 200, items=items), ensure_ascii=ascii_only)
    headers = {**OPERATOR, "Content-Type": "application/json"}

    answer = await api.post("/v1/operator/sales", content=body.encode(), headers=headers)

    assert answer.status_code == 201, answer.text
    assert len(answer.json()["items"]) == 200
    assert len((await published(api, answer.json()["sale_id"]))["items"]) == 200


async def test_a_sale_that_could_not_be_put_at_the_gate_says_that_it_stands_all_the_same(
    settings: Settings, api: httpx.AsyncClient
) -> None:
    sale_id = (await drafted(api))["sale_id"]
    path = f"/v1/operator/sales/{sale_id}/publish"

    async with served(create_app(without(settings, "redis"))) as cut_off:
        answer = await cut_off.post(path, headers=OPERATOR)

    problem = assert_problem(answer, 503, "UNAVAILABLE")
    assert "is published" in problem["detail"]
    assert "publish it again" in problem["detail"]
    assert (await published(api, sale_id))["items"][0]["remaining"] == 5


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 60_000, b"NaN"])
async def test_what_is_no_sale_at_all_is_invalid(api: httpx.AsyncClient, body: bytes) -> None:
    headers = {**OPERATOR, "Content-Type": "application/json"}

    answer = await api.post("/v1/operator/sales", content=body, headers=headers)

    assert_problem(answer, 422, "INVALID")


async def test_a_refusal_does_not_echo_what_was_sent(api: httpx.AsyncClient) -> None:
    body = new_sale(name="secret" * 10_000)

    answer = await api.post("/v1/operator/sales", json=body, headers=OPERATOR)

    assert_problem(answer, 422, "INVALID")
    assert "secret" not in answer.text


async def test_the_same_key_again_is_the_same_sale(api: httpx.AsyncClient) -> None:
    sale, keyed = new_sale(), {**OPERATOR, "Idempotency-Key": "noon"}

    answers = await asyncio.gather(
        *(api.post("/v1/operator/sales", json=sale, headers=keyed) for _ in range(5))
    )
    other = await api.post("/v1/operator/sales", json={**sale, "name": "x"}, headers=keyed)
    keyless = await api.post("/v1/operator/sales", json=sale, headers=OPERATOR)

    assert {answer.status_code for answer in answers} == {201}
    (sale_id,) = {answer.json()["sale_id"] for answer in answers}
    assert {answer.headers["location"] for answer in answers} == {f"/v1/operator/sales/{sale_id}"}
    assert_problem(other, 409, "IDEMPOTENCY_MISMATCH")
    listed = (await api.get("/v1/operator/sales", headers=OPERATOR)).json()["sales"]
    drafts = [one["sale_id"] for one in listed if one["status"] == "draft"]
    assert sorted(drafts) == sorted([sale_id, keyless.json()["sale_id"]])


async def test_two_keys_of_one_sale_are_refused(api: httpx.AsyncClient) -> None:
    keys = [*OPERATOR.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

    answer = await api.post("/v1/operator/sales", json=new_sale(), headers=keys)

    assert_problem(answer, 422, "INVALID")
