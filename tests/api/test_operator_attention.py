"""What needs a person, and what operators do about it over HTTP."""

from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from temporalio.client import Client

from domain.attention import AttentionKind
from domain.ids import new_order_id
from domain.sale import LatePaymentPolicy
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.intent_entries import IntentEntry
from infra.redis.intents import Intents
from tests.api.conftest import ADA, OPERATOR
from tests.support.buyers import assert_problem, eventually, order_id
from tests.support.gate import backlog_of
from tests.support.refunding import a_timed_out_order, start_late_refund
from tests.support.shop import Shop, open_shop
from tests.support.skipping import needs_attention
from workflows import deliveries

WHY = {"reason": "looked into it"}
DEAD = AttentionKind.DEAD_INTENT


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is left to a person at once: a server's timer takes a second at the least."""
    monkeypatch.setattr(deliveries, "PAUSES", ())


async def view_of(api: httpx.AsyncClient, order: str) -> dict[str, Any]:
    view: dict[str, Any] = (await api.get(f"/v1/operator/orders/{order}", headers=OPERATOR)).json()
    return view


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


async def listed(api: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    page = await api.get("/v1/operator/attention", params=query, headers=OPERATOR)
    assert page.status_code == 200, page.text
    rows: list[dict[str, Any]] = page.json()["attention"]
    return rows


async def raised(shop: Shop, kind: AttentionKind, subject: str, order: str | None = None) -> None:
    async with shop.database.transaction() as connection:
        await Attentions(connection).raise_(
            kind, subject, order_id=order, what="it broke", advice="mend it"
        )


async def decide(api: httpx.AsyncClient, path: str, body: object = WHY) -> httpx.Response:
    return await api.post(f"/v1/operator/{path}", json=body, headers=OPERATOR)


async def test_a_failed_message_is_retried(api: httpx.AsyncClient, staffed: Shop) -> None:
    order = await undelivered(api, staffed, failing=1)
    (case,) = await listed(api)
    assert (case["kind"], case["order_id"]) == ("delivery_failed", order)

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
    """Its own workflow has ended long ago; that of the late money delivers."""
    async with (
        open_shop(database, redis, temporal_client, late_payment=LatePaymentPolicy.HONOUR) as shop,
        shop.worker(),
    ):
        intent, receipt = await a_timed_out_order(shop)
        shop.sender.fails[intent.order_id] = 1
        late = await start_late_refund(shop, intent, receipt)
        await eventually(lambda: needs_attention(late), True)

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
    (case,) = await listed(api)
    closing = await decide(api, f"attention/{case['attention_id']}/resolve")
    assert_problem(closing, 409, "INVALID_STATE")
    await decide(api, f"orders/{order}/deliveries/message/skip")


async def test_a_case_that_was_seen_to_is_closed_once(api: httpx.AsyncClient, shop: Shop) -> None:
    await raised(shop, AttentionKind.STOCK_DRIFT, "O1")
    (case,) = await listed(api, status="open")

    closed = await decide(api, f"attention/{case['attention_id']}/resolve")

    assert closed.status_code == 200, closed.text
    assert closed.json()["resolved_by"] == "operator:olga"
    assert closed.json()["resolution"] == WHY["reason"]
    assert closed.json()["resolved_at"] is not None
    assert await listed(api) == []
    assert await listed(api, status="all") == [closed.json()]
    again = await decide(api, f"attention/{case['attention_id']}/resolve")
    assert_problem(again, 409, "INVALID_STATE")


@pytest.mark.parametrize("action", ["resolve", "retry"])
async def test_what_nobody_raised_cannot_be_closed(api: httpx.AsyncClient, action: str) -> None:
    assert_problem(await decide(api, f"attention/7/{action}"), 404, "NOT_FOUND")
    assert_problem(await decide(api, f"attention/seven/{action}"), 422, "INVALID")
    assert_problem(await decide(api, f"attention/7/{action}", {}), 422, "INVALID")
    path = f"/v1/operator/attention/7/{action}"
    assert_problem(await api.post(path, json=WHY, headers=ADA), 403, "FORBIDDEN")


async def test_a_filter_that_makes_no_sense_is_invalid(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/operator/attention?status=lost", headers=OPERATOR)
    assert_problem(answer, 422, "INVALID")


async def buried(shop: Shop, intents: Intents, **fields: str) -> IntentEntry:
    """A dead intent as the dispatcher leaves it."""
    await shop.click("ada")
    (entry,) = await intents.read("test", 10, 10)
    entry = entry.model_copy(update={"fields": {**entry.fields, **fields}})
    await raised(shop, DEAD, entry.subject, entry.order_id)
    await intents.bury(entry, "it broke")
    return entry


async def test_a_dead_intent_waits_again_once_its_cause_is_put_right(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    intents = Intents(redis)
    entry = await buried(shop, intents)
    (case,) = await listed(api)

    revived = await decide(api, f"attention/{case['attention_id']}/retry")

    assert revived.status_code == 200, revived.text
    assert [one async for one in intents.dead(shop.item.ref)] == []
    (waiting,) = [one async for one in intents.unfinished(shop.item.ref)]
    assert waiting.order_id == entry.order_id
    (closed,) = await listed(api, status="all")
    assert (closed["resolved_by"], closed["resolution"]) == ("operator:olga", WHY["reason"])


async def test_a_dead_intent_that_names_no_order_is_found_by_where_it_lay(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    intents = Intents(redis)
    entry = await buried(shop, intents, order_id="nonsense")
    assert entry.order_id is None
    (case,) = await listed(api)

    revived = await decide(api, f"attention/{case['attention_id']}/retry")

    assert revived.status_code == 200, revived.text
    assert (await backlog_of(redis, shop.item.ref)).dead == 0


async def test_an_intent_that_is_gone_leaves_its_case_open(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    intents = Intents(redis)
    await buried(shop, intents)
    for dead in [one async for one in intents.dead(shop.item.ref)]:
        await intents.revive(dead)
    (case,) = await listed(api)

    gone = await decide(api, f"attention/{case['attention_id']}/retry")

    assert_problem(gone, 409, "INVALID_STATE")
    assert await listed(api) == [case]


async def test_only_a_dead_intent_is_retried_here(api: httpx.AsyncClient, shop: Shop) -> None:
    await raised(shop, AttentionKind.STOCK_DRIFT, "O1")
    (case,) = await listed(api)

    answer = await decide(api, f"attention/{case['attention_id']}/retry")

    assert_problem(answer, 409, "INVALID_STATE")
    assert await listed(api) == [case]
