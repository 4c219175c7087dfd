"""A place in an item's room over HTTP: joined, called, fetched, ordered with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.support.buyers import assert_problem
from tests.support.callers import ADA, BOB
from tests.support.operators import new_sale, orderable
from tests.support.polling import eventually

SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
LATER = (datetime.now(UTC) + timedelta(hours=3)).isoformat()


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
