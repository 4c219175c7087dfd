"""A place in an item's room over HTTP: joined, called, fetched, ordered with."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.stock_gate import StockGate
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, BOB, OPERATOR
from tests.support.callers import token as token_of
from tests.support.gate import intent_for
from tests.support.operators import drafted, new_sale, orderable, published
from tests.support.polling import eventually

NOW = datetime.now(UTC)
OPENED = (NOW - timedelta(hours=1)).isoformat()
SOON, LATER, LATEST = ((NOW + timedelta(hours=hours)).isoformat() for hours in (20, 40, 60))
ENTRY, FORBIDDEN = "ENTRY_TOKEN_INVALID", "FORBIDDEN"


def claiming(**claims: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of('ada', **claims)}"}


async def room_of(api: httpx.AsyncClient, **changes: Any) -> str:
    """The path of the item of a sale whose room is open; one unit."""
    item = {**new_sale()["items"][0], "stock": 1}
    orders = await orderable(api, **{"admission": "queue", "items": [item], **changes})
    return orders.removesuffix("/orders")


async def join(api: httpx.AsyncClient, item: str, who: dict[str, str] = ADA, **body: Any) -> Any:
    answer = await api.post(f"{item}/room", json={"quantity": 1, **body}, headers=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def entry(api: httpx.AsyncClient, item: str, who: dict[str, str] = ADA) -> Any:
    """Once the control has called."""

    async def status() -> int:
        return (await api.post(f"{item}/entry", headers=who)).status_code

    await eventually(status, 200)
    return (await api.post(f"{item}/entry", headers=who)).json()


async def order(
    api: httpx.AsyncClient, item: str, token: str, who: dict[str, str] = ADA, **more: str
) -> httpx.Response:
    headers = {**who, "X-Entry-Token": token, **more}
    return await api.post(f"{item}/orders", json={"quantity": 1}, headers=headers)


async def test_a_place_is_called_and_becomes_the_order_it_names(api: httpx.AsyncClient) -> None:
    item = await room_of(api)
    first = await join(api, item)
    second = await join(api, item, BOB)
    assert (first["place"], second["place"], second["mode"]) == (1, 2, "queue")
    assert (await join(api, item))["ticket"] == first["ticket"]

    given = await entry(api, item)
    refused = await api.post(f"{item}/entry", headers=BOB)
    waits = assert_problem(refused, 409, "NOT_YOUR_TURN")
    accepted = await order(api, item, given["token"])
    again = await order(api, item, given["token"])

    assert waits["place"] == 2
    assert waits["serving"] == 1
    assert accepted.status_code == again.status_code == 202, accepted.text
    assert accepted.json()["order_id"] == again.json()["order_id"] == given["order_id"]
    assert (await join(api, item))["state"] == "used"


async def test_an_order_needs_the_pass_of_a_place_that_was_called(api: httpx.AsyncClient) -> None:
    item = await room_of(api)
    path, body = f"{item}/orders", {"quantity": 1}
    nobody = await api.post(path, json=body, headers=ADA)
    assert_problem(nobody, 403, "ENTRY_TOKEN_INVALID")
    await join(api, item)
    await join(api, item, BOB)
    token = (await entry(api, item))["token"]

    waits = assert_problem(await api.post(path, json=body, headers=BOB), 409, "NOT_YOUR_TURN")
    called = await api.post(path, json=body, headers=ADA)

    assert (waits["place"], waits["serving"]) == (2, 1)
    assert_problem(called, 403, "ENTRY_TOKEN_INVALID")
    other_item = await room_of(api)
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    more = token.replace(".1.", ".2.")
    for wrong in (forged, more, "", "a.b.c", "x" * 4000):
        assert_problem(await order(api, item, wrong), 403, ENTRY)
    odd: Any = [*ADA.items(), (b"X-Entry-Token", b"\xe9.1.x")]
    assert_problem(await api.post(path, json=body, headers=odd), 403, ENTRY)
    assert_problem(await order(api, item, token, BOB), 403, ENTRY)
    assert_problem(await order(api, other_item, token), 403, ENTRY)
    two = [*ADA.items(), ("X-Entry-Token", token), ("X-Entry-Token", token)]
    assert_problem(await api.post(path, json=body, headers=two), 403, ENTRY)
    too_many = {**ADA, "X-Entry-Token": token}
    assert_problem(await api.post(path, json={"quantity": 2}, headers=too_many), 403, ENTRY)
    assert (await order(api, item, token)).status_code == 202
    reused = await api.post(path, json={"quantity": 2}, headers=too_many)
    assert_problem(reused, 409, "IDEMPOTENCY_MISMATCH")


async def test_everybody_sees_where_a_room_is(api: httpx.AsyncClient) -> None:
    item = await room_of(api, starts_at=SOON, ends_at=LATER, room_opens_at=OPENED)
    ticket = await join(api, item)
    await join(api, item, BOB)
    left = await api.request("DELETE", f"{item}/room", headers=BOB)

    seen = await api.get(f"{item}/room")

    assert left.json()["state"] == "left"
    assert seen.headers["cache-control"] == "public, max-age=1"
    view = seen.json()
    assert (view["state"], view["drawn"], view["waiting"], view["units"]) == ("serving", 2, 1, 1)
    assert ticket["state"] == "waiting"
    assert ticket["ahead"] == 0
    taken = await api.post(f"{item}/room", json={}, headers=ADA)
    assert taken.headers["cache-control"] == "no-store"
    claims = json.loads(urlsafe_b64decode(ticket["ticket"].partition(".")[0] + "=="))
    assert (claims["user"], claims["index"], claims["leaf"]) == ("ada", 0, ticket["leaf"])
    assert_problem(await api.post(f"{item}/entry", headers=ADA), 409, "NOT_STARTED")
    assert_problem(await api.post(f"{item}/entry", headers=OPERATOR), 404, "NOT_FOUND")
    assert_problem(await api.get(f"{item}x/room"), 404, "NOT_FOUND")


async def test_in_a_draws_pool_nobody_has_a_place(api: httpx.AsyncClient) -> None:
    draw = {"admission": "draw", "starts_at": SOON, "ends_at": LATER, "room_opens_at": OPENED}
    item = await room_of(api, **draw)
    ticket = await join(api, item)
    view = (await api.get(f"{item}/room")).json()

    assert ticket["state"] == "pool"
    assert [ticket[name] for name in ("place", "ahead", "eta_seconds")] == [None] * 3
    assert (view["state"], view["seed"], view["pool_size"]) == ("pooling", None, None)
    closed = await room_of(api, admission="draw", starts_at=LATER, ends_at=LATEST)
    assert (await api.get(f"{closed}/room")).json()["state"] == "closed"
    early = await api.post(f"{closed}/room", json={}, headers=ADA)
    assert_problem(early, 409, "NOT_STARTED")


async def test_an_open_sale_has_a_waiting_list_once_all_is_taken(
    api: httpx.AsyncClient, redis: Redis
) -> None:
    item = await room_of(api, admission="open")
    free = await api.post(f"{item}/room", json={}, headers=BOB)
    assert_problem(free, 409, "INVALID_STATE")
    first = await api.post(f"{item}/orders", json={"quantity": 1}, headers=ADA)
    await join(api, item, BOB)

    click = await api.post(f"{item}/orders", json={"quantity": 1}, headers=OPERATOR)
    assert assert_problem(click, 409, "SOLD_OUT")["waiting"] == 1
    _, _, _, sale_id, _, sku_id = item.split("/")
    ref = ItemRef(sale_id=sale_id, sku_id=sku_id)
    gate = StockGate(redis)
    await gate.release(ref, first.json()["order_id"])
    token = (await entry(api, item, BOB))["token"]
    unaware = await api.post(f"{item}/orders", json={"quantity": 1}, headers=BOB)
    assert "fetch your entry token" in assert_problem(unaware, 403, ENTRY)["detail"]
    assert (await order(api, item, token, BOB)).status_code == 202

    sold = intent_for((await join(api, item, BOB))["state"], "bob").model_copy(
        update={"sale_id": sale_id, "sku_id": sku_id, "order_id": token.partition(".")[0]}
    )
    await gate.sell(sold)

    async def state() -> object:
        return (await api.get(f"{item}/room")).json()["state"]

    await eventually(state, "over")
    late = await api.post(f"{item}/room", json={}, headers=OPERATOR)
    assert_problem(late, 409, "ROOM_OVER")


async def test_a_sale_may_ask_for_a_claim(api: httpx.AsyncClient) -> None:
    item = await room_of(api, requires_claim="phone_verified", admission="open")
    for path in ("room", "orders"):
        body = {"quantity": 1}
        for who in (ADA, claiming(phone_verified="true"), claiming(phone_verified=False)):
            assert_problem(await api.post(f"{item}/{path}", json=body, headers=who), 403, FORBIDDEN)
    assert_problem(await api.post(f"{item}/entry", headers=ADA), 403, FORBIDDEN)

    known = claiming(phone_verified=True)
    answer = await api.post(f"{item}/orders", json={"quantity": 1}, headers=known)
    assert answer.status_code == 202


async def test_a_ticket_outlives_everything_we_know(api: httpx.AsyncClient, redis: Redis) -> None:
    item = await room_of(api, starts_at=SOON, ends_at=LATER, room_opens_at=OPENED)
    await join(api, item, OPERATOR)
    mine = await join(api, item)
    await redis.flushall()
    sale_id = item.split("/")[3]
    await published(api, sale_id)

    assert (await join(api, item, BOB))["place"] == 1
    again = await join(api, item, ticket=mine["ticket"])
    assert (again["index"], again["place"], again["leaf"]) == (1, 2, mine["leaf"])
    # Somebody else's, and what nobody has signed, count for nothing.
    for stolen in (mine["ticket"], "a.b", mine["ticket"][:-1]):
        body = {"ticket": stolen}
        other = await api.post(f"{item}/room", json=body, headers=OPERATOR)
        assert other.json()["place"] > 2


async def test_settings_of_a_room_are_shown_and_checked(api: httpx.AsyncClient) -> None:
    sale = await drafted(api, admission="draw", pace_per_minute=600, starts_at=SOON, ends_at=LATER)

    assert sale["requires_entry_token"] is True
    assert (sale["admission"], sale["pace_per_minute"]) == ("draw", 600)
    assert (sale["pass_window_seconds"], sale["requires_claim"]) == (180, None)
    starts, opens = map(datetime.fromisoformat, (sale["starts_at"], sale["room_opens_at"]))
    assert starts - opens == timedelta(minutes=30)
    wrong = {"admission": "lottery", "pace_per_minute": 0, "pass_window_seconds": 901}
    for name, value in {**wrong, "room_opens_at": LATEST, "requires_claim": "a b"}.items():
        body = new_sale(**{name: value})
        answer = await api.post("/v1/operator/sales", json=body, headers=OPERATOR)
        assert_problem(answer, 422, "INVALID")
