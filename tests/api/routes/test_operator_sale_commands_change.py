"""Sales as operators change and restock them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import BOB, OPERATOR, served
from tests.support.commanding import change, command, item_of, on_sale, order, restock
from tests.support.operators import drafted
from tests.support.outages import without


def hours(number: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=number)).isoformat()


class TestRestock:
    async def test_units_come_and_are_sold(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        for who in (BOB, OPERATOR):
            assert (await order(api, sale_id, 2, who)).status_code == 202
        assert_problem(await order(api, sale_id, 2), 409, "SOLD_OUT")

        answers = [await restock(api, sale_id, 3, "a delivery") for _ in range(2)]

        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["items"][0]["stock"] == 8
        assert (await item_of(api, sale_id))["remaining"] == 4
        assert (await order(api, sale_id, 2)).status_code == 202

    async def test_what_is_held_is_not_taken_back(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        assert (await order(api, sale_id, 2)).status_code == 202

        refused = await restock(api, sale_id, -4)
        taken = await restock(api, sale_id, -3)

        assert assert_problem(refused, 409, "INVALID_STATE")["available"] == 3
        assert taken.json()["items"][0]["stock"] == 2
        assert (await item_of(api, sale_id))["remaining"] == 0
        assert (
            assert_problem(await restock(api, sale_id, -1), 409, "INVALID_STATE")["available"] == 0
        )

    async def test_more_than_there_ever_was_is_refused(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)

        refused = await restock(api, sale_id, -6)

        assert assert_problem(refused, 409, "INVALID_STATE")["available"] == 5
        assert (await item_of(api, sale_id))["remaining"] == 5

    @pytest.mark.parametrize("quantity", [0, "3", 1.5, 10**12, None, True])
    async def test_needs_a_number_of_units(self, api: httpx.AsyncClient, quantity: object) -> None:
        assert_problem(await restock(api, "none", quantity), 422, "INVALID")

    async def test_is_of_an_item_on_sale_and_has_a_reason(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        draft = (await drafted(api))["sale_id"]
        path = "items/spoon/restock"
        body = {"quantity": 1, "reason": "more"}

        assert_problem(await command(api, sale_id, path, body), 404, "NOT_FOUND")
        assert_problem(await restock(api, "none-such", 1), 404, "NOT_FOUND")
        assert_problem(await restock(api, draft, 1), 409, "INVALID_STATE")
        answer = await command(api, sale_id, "items/teapot/restock", {"quantity": 1})
        assert_problem(answer, 422, "INVALID")
        await command(api, sale_id, "close")
        closed = await restock(api, sale_id, 1)
        assert assert_problem(closed, 409, "INVALID_STATE")["sale_status"] == "closed"

    @pytest.mark.parametrize("quantity", [2, -2])
    async def test_said_again_after_an_outage_of_redis_comes_once(
        self, api: httpx.AsyncClient, settings: Settings, quantity: int
    ) -> None:
        sale_id = await on_sale(api)
        async with served(create_app(without(settings, "redis"))) as cut_off:
            answer = await restock(cut_off, sale_id, quantity, "key")
        assert_problem(answer, 503, "UNAVAILABLE")

        again = [await restock(api, sale_id, quantity, "key") for _ in range(2)]

        assert {one.status_code for one in again} == {200}
        item = await item_of(api, sale_id)
        assert (item["stock"], item["remaining"]) == (5 + quantity, 5 + quantity)


class TestChange:
    async def test_a_running_sale_follows(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        body = {
            "name": "Winter sale",
            "ends_at": hours(48),
            "pay_window_seconds": 60,
            "late_payment": "honour",
            "pace_per_minute": 600,
            "items": [{"sku_id": "teapot", "title": "A better teapot", "per_user_limit": 5}],
            "reason": "it goes well",
        }

        answer = await change(api, sale_id, body)

        assert answer.status_code == 200, answer.text
        changed = {one["member"]: one["after"] for one in answer.json()["changed"]}
        assert changed["name"] == "Winter sale"
        assert (changed["items.teapot.per_user_limit"], changed["pay_window_seconds"]) == (5, 60)
        assert changed.keys() == {
            *(body.keys() - {"items", "reason"}),
            "items.teapot.title",
            "items.teapot.per_user_limit",
        }
        shown = (await api.get(f"/v1/sales/{sale_id}")).json()
        assert (shown["name"], shown["items"][0]["title"]) == ("Winter sale", "A better teapot")
        assert (await order(api, sale_id, 5)).status_code == 202

    async def test_a_new_end_is_followed_at_the_gate(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api, starts_at=hours(1), ends_at=hours(2))
        assert_problem(await order(api, sale_id), 409, "NOT_STARTED")

        moved = await change(api, sale_id, {"starts_at": hours(-1)})

        assert moved.json()["status"] == "open"
        assert (await order(api, sale_id)).status_code == 202
        back = await change(api, sale_id, {"starts_at": hours(1)})
        assert_problem(back, 409, "INVALID_STATE")
        assert_problem(await change(api, sale_id, {"ends_at": hours(-0.5)}), 409, "INVALID_STATE")

    async def test_whoever_read_another_version_is_told(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        read = await api.get(f"/v1/operator/sales/{sale_id}", headers=OPERATOR)
        tag = read.headers["etag"]
        first = await change(api, sale_id, {"name": "One"}, If_Match=tag)

        late = await change(api, sale_id, {"name": "Two"}, If_Match=tag)

        assert first.headers["etag"] != tag
        assert assert_problem(late, 409, "INVALID_STATE")["version"] == first.json()["version"]
        newest = await change(api, sale_id, {"name": "Two"}, If_Match=first.headers["etag"])
        assert newest.json()["name"] == "Two"
        assert (await change(api, sale_id, {"name": "Three"}, If_Match="*")).status_code == 200

    async def test_a_price_is_changed_in_a_draft_alone(self, api: httpx.AsyncClient) -> None:
        draft = (await drafted(api))["sale_id"]
        body = {"items": [{"sku_id": "teapot", "price": 7700}]}

        assert (await change(api, draft, body)).json()["items"][0]["price"] == 7700
        assert_problem(await change(api, await on_sale(api), body), 409, "INVALID_STATE")

    async def test_a_limit_is_not_set_below_what_somebody_has(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        assert (await order(api, sale_id, 2)).status_code == 202
        lower = {"items": [{"sku_id": "teapot", "per_user_limit": 1}]}

        assert_problem(await change(api, sale_id, lower), 409, "INVALID_STATE")

        assert (await order(api, sale_id, 2, BOB)).status_code == 202

    async def test_a_start_that_somebody_waits_for_does_not_come_earlier(
        self, api: httpx.AsyncClient
    ) -> None:
        sale_id = await on_sale(api, admission="queue", starts_at=hours(0.25), ends_at=hours(2))

        assert_problem(await change(api, sale_id, {"starts_at": hours(0.1)}), 409, "INVALID_STATE")
        assert (await change(api, sale_id, {"starts_at": hours(0.3)})).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {"admission": "queue"},
            {"currency": "USD"},
            {"name": None},
            {"name": " "},
            {"ends_at": "soon"},
            {"ends_at": "2001-01-01T00:00:00Z"},
            {"pay_window_seconds": 0},
            {"items": [{"sku_id": "teapot", "stock": 9}]},
            {"items": [{"sku_id": "teapot"}, {"sku_id": "teapot"}]},
            {"items": [{"sku_id": "teapot", "per_user_limit": 0}]},
            {"items": [{"sku_id": "teapot", "price": 10**10, "per_user_limit": 2}]},
            [],
        ],
    )
    async def test_what_makes_no_sense_is_invalid(self, api: httpx.AsyncClient, body: Any) -> None:
        draft = (await drafted(api))["sale_id"]

        assert_problem(await change(api, draft, body), 422, "INVALID")
        assert (await api.get(f"/v1/operator/sales/{draft}", headers=OPERATOR)).json()[
            "version"
        ] == 1

    async def test_is_of_a_sale_that_is_known_and_not_over(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        spoon = {"items": [{"sku_id": "spoon", "title": "x"}]}

        assert_problem(await change(api, "none-such", {"name": "x"}), 404, "NOT_FOUND")
        assert_problem(await change(api, sale_id, spoon), 404, "NOT_FOUND")
        await command(api, sale_id, "close")
        assert_problem(await change(api, sale_id, {"name": "x"}), 409, "INVALID_STATE")

    async def test_a_key_is_one_change(self, api: httpx.AsyncClient) -> None:
        sale_id = await on_sale(api)
        said: dict[str, str] = {"Idempotency_Key": "k"}

        answers = await asyncio.gather(
            *(change(api, sale_id, {"name": "Once"}, **said) for _ in range(4))
        )

        assert len({answer.text for answer in answers}) == 1
        assert_problem(
            await change(api, sale_id, {"name": "Twice"}, **said), 409, "IDEMPOTENCY_MISMATCH"
        )
