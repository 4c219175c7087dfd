"""What needs a person, and what operators do about it."""

import httpx
import pytest
from redis.asyncio import Redis

from domain.attention import AttentionKind
from infra.postgres.attentions import Attentions
from infra.redis.intent_entries import IntentEntry
from infra.redis.intent_groups import Group
from infra.redis.intents import Intents
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.gate import backlog_of
from tests.support.intent_groups import reading
from tests.support.operators import WHY, decide, listed
from tests.support.shop import Shop

DEAD = AttentionKind.DEAD_INTENT


async def raised(shop: Shop, kind: AttentionKind, subject: str, order: str | None = None) -> None:
    async with shop.database.transaction() as connection:
        await Attentions(connection).raise_(
            kind, subject, order_id=order, what="it broke", advice="mend it"
        )


async def test_a_case_that_was_seen_to_is_closed_once(api: httpx.AsyncClient, shop: Shop) -> None:
    await raised(shop, AttentionKind.STOCK_DRIFT, "O1")
    (attention,) = await listed(api, status="open")

    closed = await decide(api, f"attention/{attention['attention_id']}/resolve")

    assert closed.status_code == 200, closed.text
    assert closed.json()["resolved_by"] == "operator:olga"
    assert closed.json()["resolution"] == WHY["reason"]
    assert closed.json()["resolved_at"] is not None
    assert await listed(api) == []
    assert await listed(api, status="all") == [closed.json()]
    again = await decide(api, f"attention/{attention['attention_id']}/resolve")
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


async def buried(shop: Shop, **fields: str) -> IntentEntry:
    """A dead intent as the dispatcher leaves it."""
    await shop.click("ada")
    placing = reading(shop.redis, Group.PLACE)
    (entry,) = await placing.read(10, 10)
    entry = entry.model_copy(update={"fields": {**entry.fields, **fields}})
    await raised(shop, DEAD, entry.subject, entry.order_id)
    await placing.bury(entry, "it broke")
    return entry


async def test_a_dead_intent_waits_again_once_its_cause_is_put_right(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    intents = Intents(redis)
    entry = await buried(shop)
    (attention,) = await listed(api)

    revived = await decide(api, f"attention/{attention['attention_id']}/retry")

    assert revived.status_code == 200, revived.text
    assert [one async for one in intents.dead(shop.item.ref)] == []
    (waiting,) = [one async for one in intents.unfinished(shop.item.ref)]
    assert waiting.order_id == entry.order_id
    (closed,) = await listed(api, status="all")
    assert (closed["resolved_by"], closed["resolution"]) == ("operator:olga", WHY["reason"])


async def test_a_dead_intent_that_names_no_order_is_found_by_where_it_lay(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    entry = await buried(shop, order_id="nonsense")
    assert entry.order_id is None
    (attention,) = await listed(api)

    revived = await decide(api, f"attention/{attention['attention_id']}/retry")

    assert revived.status_code == 200, revived.text
    assert (await backlog_of(redis, shop.item.ref)).dead == 0


async def test_an_intent_that_is_gone_leaves_its_case_open(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    intents = Intents(redis)
    await buried(shop)
    for dead in [one async for one in intents.dead(shop.item.ref)]:
        await intents.revive(dead)
    (attention,) = await listed(api)

    gone = await decide(api, f"attention/{attention['attention_id']}/retry")

    assert_problem(gone, 409, "INVALID_STATE")
    assert await listed(api) == [attention]


async def test_a_dead_intent_that_was_seen_to_is_not_put_back_by_a_repair(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    await buried(shop)
    (attention,) = await listed(api)

    closed = await decide(api, f"attention/{attention['attention_id']}/resolve")

    assert closed.status_code == 200, closed.text
    backlog = await backlog_of(redis, shop.item.ref)
    assert backlog.dead == 0
    assert [one async for one in Intents(redis).unfinished(shop.item.ref)] == []


async def test_only_a_dead_intent_is_retried_here(api: httpx.AsyncClient, shop: Shop) -> None:
    await raised(shop, AttentionKind.STOCK_DRIFT, "O1")
    (attention,) = await listed(api)

    answer = await decide(api, f"attention/{attention['attention_id']}/retry")

    assert_problem(answer, 409, "INVALID_STATE")
    assert await listed(api) == [attention]
