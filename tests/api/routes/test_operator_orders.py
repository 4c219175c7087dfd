"""What operators find, and do to orders."""

from datetime import datetime, timedelta

import httpx
import pytest
from redis.asyncio import Redis
from temporalio.client import Client

from domain.ids import new_order_id, workflow_id
from domain.sale import LatePaymentPolicy
from infra.postgres.engine import Database
from tests.support.buyers import assert_problem, order_id, placed
from tests.support.callers import ADA, BOB, OPERATOR
from tests.support.operators import WHY, decide, listed, view_of
from tests.support.polling import eventually
from tests.support.refunding import a_timed_out_order, start_late_refund
from tests.support.shop import Shop, open_shop
from tests.support.skipping import needs_attention
from workflows import deliveries


async def test_an_operators_extension_is_on_record(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await placed(api, staffed)
    before = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()["pay_deadline"]

    answer = await api.post(
        f"/v1/operator/orders/{accepted}/extend",
        json={"seconds": 600, "reason": "the bank was slow"},
        headers=OPERATOR,
    )

    assert answer.status_code == 200, answer.text
    longer = datetime.fromisoformat(answer.json()["pay_deadline"])
    assert longer == datetime.fromisoformat(before) + timedelta(seconds=600)
    view = (await api.get(f"/v1/operator/orders/{accepted}", headers=OPERATOR)).json()
    line = next(line for line in view["timeline"] if line["event"] == "deadline_extended")
    assert line["actor"] == "operator:olga"
    assert "the bank was slow" in line["detail"]


@pytest.mark.parametrize("seconds", [0, -1, 10**9, "600", 1.0, True, None])
async def test_an_extension_is_a_whole_number_of_seconds(
    api: httpx.AsyncClient, shop: Shop, seconds: object
) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(
        f"/v1/operator/orders/{accepted}/extend", json={"seconds": seconds}, headers=OPERATOR
    )

    assert_problem(answer, 422, "INVALID")


async def test_an_operators_cancel_names_the_operator(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    accepted = await placed(api, staffed)

    answer = await api.post(
        f"/v1/operator/orders/{accepted}/cancel", json={"reason": "fraud"}, headers=OPERATOR
    )

    assert answer.json()["status"] == "cancelled"
    view = (await api.get(f"/v1/operator/orders/{accepted}", headers=OPERATOR)).json()
    assert view["timeline"][-1]["actor"] == "operator:olga"
    assert view["timeline"][-1]["detail"] == "fraud"


async def test_operators_find_orders(api: httpx.AsyncClient, staffed: Shop) -> None:
    hers, his = await placed(api, staffed, ADA), await placed(api, staffed, BOB)
    begun = await api.post(f"/v1/orders/{his}/payments", json={"method": "alipay"}, headers=BOB)

    async def found(**query: str) -> list[str]:
        page = await api.get("/v1/operator/orders", params=query, headers=OPERATOR)
        assert page.status_code == 200, page.text
        return [order["order_id"] for order in page.json()["orders"]]

    assert await found(user_id="ada") == [hers]
    assert await found(order_id=his) == [his]
    assert await found(trade_no=begun.json()["out_trade_no"]) == [his]
    assert await found(status="pending_payment") == [his, hers]
    assert await found(status="paid") == []
    assert await found(user_id="'; --") == []
    assert await found(sale_id=staffed.sale.sale_id) == [his, hers]
    assert await found(sale_id="another") == []
    lines = await api.get("/v1/operator/orders.csv?user_id=ada", headers=OPERATOR)
    assert lines.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line.partition(",")[0] for line in lines.text.splitlines()] == ["order_id", hers]
    assert_problem(await api.get("/v1/operator/orders.csv", headers=ADA), 403, "FORBIDDEN")


@pytest.mark.parametrize("query", ["status=lost", "user_id=%00", "limit=-1", "trade_no=a%0Ab"])
async def test_a_search_that_makes_no_sense_is_invalid(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/v1/operator/orders?{query}", headers=OPERATOR)

    assert_problem(answer, 422, "INVALID")
    if "limit" not in query:
        lines = await api.get(f"/v1/operator/orders.csv?{query}", headers=OPERATOR)
        assert_problem(lines, 422, "INVALID")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is left to a person at once: a server's timer takes a second at the least."""
    monkeypatch.setattr(deliveries, "PAUSES", ())


async def message_of(api: httpx.AsyncClient, order: str) -> object:
    owed = (await view_of(api, order)).get("deliveries", [])
    return next((one["status"] for one in owed if one["kind"] == "message"), None)


async def undelivered(api: httpx.AsyncClient, shop: Shop, failing: int = 100) -> str:
    """A paid order whose message failed, and whose workflow waits for a person to decide."""
    accepted = await order_id(api, shop)
    shop.sender.fails[accepted] = failing
    await shop.pay(handle := await shop.start(shop.intent_for(accepted, "ada")))
    await eventually(lambda: needs_attention(handle), True)
    assert await message_of(api, accepted) == "failed"
    return accepted


async def test_a_failed_message_is_retried(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await undelivered(api, staffed, failing=1)
    (attention,) = await listed(api)
    assert (attention["kind"], attention["order_id"]) == ("delivery_failed", order)

    answer = await decide(api, f"orders/{order}/deliveries/message/retry")

    assert answer.status_code == 200, answer.text
    assert {one["kind"]: one["status"] for one in answer.json()["deliveries"]} == {
        "points": "done",
        "entitlement": "done",
        "message": "done",
    }
    await eventually(lambda: _status(api, order), "fulfilled")
    line = next(
        e for e in (await view_of(api, order))["timeline"] if e["event"] == "delivery_retried"
    )
    assert line["actor"] == "operator:olga"
    assert WHY["reason"] in line["detail"]
    assert await listed(api) == []
    (closed,) = await listed(api, status="all")
    assert (closed["resolved_by"], closed["resolution"]) == ("operator:olga", WHY["reason"])


async def _status(api: httpx.AsyncClient, order: str) -> object:
    return (await view_of(api, order))["status"]


async def test_a_failed_message_is_skipped(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await undelivered(api, staffed)

    answer = await decide(api, f"orders/{order}/deliveries/message/skip")

    assert answer.status_code == 200, answer.text
    await eventually(lambda: _status(api, order), "fulfilled")
    assert await message_of(api, order) == "skipped"
    again = await decide(api, f"orders/{order}/deliveries/message/skip")
    assert assert_problem(again, 409, "INVALID_STATE")["order_status"] == "fulfilled"


async def test_what_an_order_paid_too_late_is_owed_is_decided_as_well(
    api: httpx.AsyncClient, database: Database, redis: Redis, temporal_client: Client
) -> None:
    """Its own workflow ended long ago; the late money's lets it go on, and that one delivers."""
    async with (
        open_shop(database, redis, temporal_client, late_payment=LatePaymentPolicy.HONOUR) as shop,
        shop.worker(),
    ):
        intent, receipt = await a_timed_out_order(shop)
        # The workflow that honours it tries, and so does the one that goes on.
        shop.sender.fails[intent.order_id] = 100
        late = await start_late_refund(shop, intent, receipt)
        order = temporal_client.get_workflow_handle(workflow_id(intent.order_id))
        await eventually(lambda: needs_attention(order), True)
        shop.sender.fails.clear()

        answer = await decide(api, f"orders/{intent.order_id}/deliveries/message/retry")

        assert answer.status_code == 200, answer.text
        assert await message_of(api, intent.order_id) == "done"
        assert (await late.result()).honoured
        assert await _status(api, intent.order_id) == "fulfilled"


async def test_only_a_failed_delivery_is_decided(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await undelivered(api, staffed)

    points = await decide(api, f"orders/{order}/deliveries/points/skip")
    assert assert_problem(points, 409, "INVALID_STATE")["order_status"] == "paid"
    assert_problem(await decide(api, f"orders/{order}/deliveries/cake/skip"), 422, "INVALID")
    nameless = await decide(api, f"orders/{order}/deliveries/message/skip", {"reason": ""})
    assert_problem(nameless, 422, "INVALID")
    unknown = new_order_id(staffed.item.item_number, 1)
    assert_problem(await decide(api, f"orders/{unknown}/deliveries/message/skip"), 404, "NOT_FOUND")
    (attention,) = await listed(api)
    closing = await decide(api, f"attention/{attention['attention_id']}/resolve")
    assert_problem(closing, 409, "INVALID_STATE")
    await decide(api, f"orders/{order}/deliveries/message/skip")
