"""Orders and rooms pushed to those who follow them, over real sockets and real stores."""

import time
from contextlib import AsyncExitStack

import httpx
import pytest
from redis.asyncio import Redis

from domain.order import Order
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders
from infra.postgres.refunds import Refunds
from infra.settings import Settings
from practice.stack.loopback import loopback_http
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, BOB, OPERATOR, token
from tests.support.ledger import begin, cancel, fulfil, pay
from tests.support.operators import orderable
from tests.support.shop import Shop
from tests.support.streams import following, live, placed
from tests.support.values import NOON, a_payment, a_refund

pytestmark = pytest.mark.timeout(30)


async def test_the_view_comes_at_each_change_until_the_end(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    intent = await shop.intent("ada")
    path = f"/v1/orders/{intent.order_id}/events"
    async with following(http, path, ADA) as events:
        assert await events.status() == "queued"
        async with ledger.driver() as driver:
            placing = await HotPath(driver).place(intent, NOON)
        assert placing
        placed = await events.next()
        await pay(ledger, placing.order)
        paid = await events.next()
        while paid.view["status"] != "paid":
            paid = await events.next()
        await fulfil(ledger, intent.order_id)
        last = await events.next()
        assert await events.rest() == []
    assert (placed.view["status"], placed.id) == ("pending_payment", "1")
    assert paid.view["payment"]["status"] == "paid"
    assert last.view == (await http.get(f"/v1/orders/{intent.order_id}", headers=ADA)).json()
    assert last.view["status"] == "fulfilled"


def path_of(order: Order) -> str:
    return f"/v1/orders/{order.order_id}/events"


async def test_a_message_that_is_lost_is_made_up_for_by_the_look(
    settings: Settings, shop: Shop, database: Database
) -> None:
    """This database tells nobody of what it changes."""
    order = await placed(shop, database)
    often = settings.model_copy(update={"stream_look_seconds": 0.05})
    async with live(often) as http, following(http, path_of(order), ADA) as events:
        assert await events.status() == "pending_payment"
        await pay(database, order)
        assert (await events.next()).view["payment"]


async def test_what_was_told_while_the_channel_was_cut_comes_when_it_is_back(
    http: httpx.AsyncClient, shop: Shop, database: Database, redis: Redis
) -> None:
    order = await placed(shop, database)
    async with following(http, path_of(order), ADA) as events:
        assert await events.status() == "pending_payment"
        await cancel(database, order)
        await redis.client_kill_filter(_type="pubsub")
        assert await events.status() == "cancelled"


async def test_who_comes_after_the_end_is_told_it_once(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    await cancel(ledger, order)
    async with following(http, path_of(order), ADA) as events:
        _, last = await events.rest()
    again = await http.get(path_of(order), headers={**ADA, "Last-Event-ID": last.id or ""})
    assert (last.view["status"], last.id) == ("cancelled", "2")
    assert (again.status_code, again.content) == (204, b"")
    for not_the_last in ("1", "99", "x"):
        async with following(http, path_of(order), ADA, **{"Last-Event-ID": not_the_last}) as more:
            assert await more.status() == "cancelled"


async def test_what_was_understood_is_not_said_again(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    async with following(http, path_of(order), ADA, **{"Last-Event-ID": "1"}) as events:
        await cancel(ledger, order)
        assert await events.status() == "cancelled"


async def test_money_on_its_way_back_is_waited_for(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    payment = await begin(ledger, a_payment(order))
    await cancel(ledger, order)
    back = a_refund(payment)
    async with ledger.transaction() as connection:
        await Refunds(connection).request(back)
        await Orders(connection).show_change(order.order_id)
    async with following(http, path_of(order), ADA) as events:
        assert (await events.next()).view["refunds"][0]["status"] == "requested"
        async with ledger.transaction() as connection:
            await Orders(connection).show_change(order.order_id)
            await Refunds(connection).change_status(
                back.refund_id, RefundStatus.REQUESTED, RefundStatus.DONE
            )
        (last,) = await events.rest()
    assert last.view["refunds"][0]["status"] == "done"


async def test_only_the_buyer_and_operators_may_follow(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    queued = await shop.intent("ada")
    for path, headers, status in (
        (path_of(order), BOB, 404),
        (f"/v1/orders/{queued.order_id}/events", BOB, 404),
        ("/v1/orders/nobodys/events", ADA, 404),
        (path_of(order), {}, 401),
        ("/v1/me/events", {}, 401),
        (f"/v1/orders/{order.order_id}/ws", ADA, 426),
        (f"/v1/orders/{order.order_id}/ws", BOB, 404),
    ):
        assert (await http.get(path, headers=headers)).status_code == status, path
    async with following(http, path_of(order), OPERATOR) as events:
        assert (await events.next()).view["user_id"] == "ada"
    # No refusal has kept a place.
    told = (await http.get("/metrics")).text
    assert 'seckill_streams_open{kind="order"} 1.0' in told or "} 0.0" in told


async def test_all_orders_of_a_user_come_in_one_stream(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    mine = [await placed(shop, ledger)]
    his = await placed(shop, ledger, "bob")
    async with following(http, "/v1/me/events", ADA) as events:
        first = [await events.next() for _ in mine]
        await cancel(ledger, his)
        for order in reversed(mine):
            await cancel(ledger, order)
        after = [await events.next() for _ in mine]
        new = await placed(shop, ledger)
        placed_now = await events.next()
    assert {event.name for event in (*first, *after)} == {"order"}
    assert [event.view["order_id"] for event in first] == [order.order_id for order in mine]
    assert {event.view["status"] for event in after} == {"cancelled"}
    assert placed_now.view["order_id"] == new.order_id


async def test_a_stream_ends_when_its_token_does(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    """The clock is given some leeway when a stream is opened, and none while it is open."""
    order = await placed(shop, ledger)
    ending = {"Authorization": f"Bearer {token('ada', exp=int(time.time()))}"}
    async with following(http, path_of(order), ending) as events:
        _, view = await events.rest()
    assert view.view["status"] == "pending_payment"


async def test_so_many_streams_and_no_more(
    settings: Settings, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    few = settings.model_copy(update={"streams_per_user": 1, "api_max_streams": 2})
    async with live(few) as http, AsyncExitStack() as open_ones:
        # A reader that nobody holds any more closes its stream.
        readers = []
        for headers in (ADA, OPERATOR):
            events = following(http, path_of(order), headers)
            readers.append(await open_ones.enter_async_context(events))
            await readers[-1].next()
            again = await http.get("/v1/me/events", headers=headers)
            if headers is ADA:
                assert_problem(again, 429, "RATE_LIMITED")
        assert_problem(again, 503, "OVERLOADED")
        assert again.headers["retry-after"] == "1"
        assert 'seckill_streams_open{kind="order"} 2.0' in (await http.get("/metrics")).text


async def test_the_end_of_the_process_is_told_with_when_to_come_again(
    settings: Settings, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    async with AsyncExitStack() as following_on:
        async with live(settings) as http:
            path = path_of(order)
            client = await following_on.enter_async_context(loopback_http(str(http.base_url), 30))
            events = await following_on.enter_async_context(following(client, path, ADA))
            await events.next()
        (farewell,) = await events.rest()
    assert farewell.retry
    assert farewell.retry >= 500


async def test_a_head_has_an_end(http: httpx.AsyncClient, shop: Shop, ledger: Database) -> None:
    order = await placed(shop, ledger)
    head = await http.head(path_of(order), headers=ADA)
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")
    told = (await http.get("/metrics")).text
    assert 'seckill_streams_open{kind="order"} 0.0' in told
    assert 'route="/v1/orders/{order_id}/events",status="200"} 1.0' in told


async def test_a_room_is_told_to_everybody_and_a_place_to_its_owner(
    http: httpx.AsyncClient, shop: Shop
) -> None:
    item = (await orderable(http, admission="queue")).removesuffix("/orders")
    path = f"{item}/room/events"
    async with (
        following(http, path, {}) as room,
        following(http, "/v1/me/events", ADA) as mine,
    ):
        empty = await room.next()
        await http.post(f"{item}/room", json={"quantity": 1}, headers=ADA)
        joined = await room.next()
        place = await mine.next()
        while place.view["state"] != "called":
            place = await mine.next()
        await http.delete(f"{item}/room", headers=ADA)
        left = await mine.next()
        now = (await http.get(f"{item}/room")).json()
    assert (empty.view["drawn"], joined.view["drawn"]) == (0, 1)
    assert joined.view.keys() == now.keys()
    assert joined.id
    assert empty.id
    assert int(joined.id) > int(empty.id)
    assert (place.name, place.view["serving"], left.view["state"]) == ("place", 1, "left")
    told = (await http.get("/metrics")).text
    assert "seckill_rooms_live 1.0" in told
    assert (await http.get("/v1/sales/none/items/teapot/room/events")).status_code == 404
