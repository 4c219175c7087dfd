"""An order followed by WebSocket, over real sockets and real stores."""

import json
import time

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from domain.order import Order
from infra.postgres.engine import Database
from infra.settings import Settings
from tests.support.callers import ADA, BOB, token
from tests.support.ledger import cancel
from tests.support.shop import Shop
from tests.support.streams import live, placed

pytestmark = pytest.mark.timeout(30)


def opened(http: httpx.AsyncClient, order: Order, headers: dict[str, str]) -> connect:
    url = str(http.base_url).replace("http", "ws").rstrip("/")
    return connect(f"{url}/v1/orders/{order.order_id}/ws", additional_headers=headers)


async def test_it_tells_the_same_until_the_end(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    async with opened(http, order, ADA) as socket:
        first = json.loads(await socket.recv())
        await socket.send("hello?")
        await cancel(ledger, order)
        last = json.loads(await socket.recv())
        await socket.wait_closed()
    assert (first["status"], last["status"]) == ("pending_payment", "cancelled")
    assert last == (await http.get(f"/v1/orders/{order.order_id}", headers=ADA)).json()
    assert socket.close_code == 1000
    told = (await http.get("/metrics")).text
    assert 'route="/v1/orders/{order_id}/ws",status="101"} 1.0' in told
    assert 'seckill_streams_open{kind="order_websocket"} 0.0' in told


async def test_a_stranger_hears_what_he_would_by_http(
    http: httpx.AsyncClient, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    for headers, status in ((BOB, 404), ({}, 401)):
        with pytest.raises(InvalidStatus) as refused:
            await opened(http, order, headers)
        assert refused.value.response.status_code == status
        assert b'"code"' in refused.value.response.body


async def test_it_is_a_call_like_others_of_its_user_and_of_who_proves_nothing(
    settings: Settings, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    once = {"calls_per_second": 0.001, "address_failures_per_second": 0.001}
    async with live(settings.model_copy(update=once)) as http:
        for headers, statuses in ((BOB, (404, 429)), ({}, (401, 429))):
            for status in statuses:
                with pytest.raises(InvalidStatus) as refused:
                    await opened(http, order, headers)
                assert refused.value.response.status_code == status


async def test_it_ends_with_its_token_and_with_the_process(
    settings: Settings, shop: Shop, ledger: Database
) -> None:
    order = await placed(shop, ledger)
    ending = {"Authorization": f"Bearer {token('ada', exp=int(time.time()))}"}
    async with live(settings) as http:
        async with opened(http, order, ending) as expired:
            await expired.wait_closed()
        restarted = await opened(http, order, ADA)
        await restarted.recv()
    await restarted.wait_closed()
    assert (expired.close_code, restarted.close_code) == (1008, 1012)
