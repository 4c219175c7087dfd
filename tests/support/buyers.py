"""What buyers do over HTTP, in a word each."""

from typing import Any

import httpx

from tests.support.callers import ADA
from tests.support.polling import eventually
from tests.support.shop import Shop


def gate_path(shop: Shop, sku_id: str | None = None) -> str:
    return f"/v1/sales/{shop.sale.sale_id}/items/{sku_id or shop.item.sku_id}/orders"


async def click(
    api: httpx.AsyncClient,
    shop: Shop,
    who: dict[str, str] = ADA,
    quantity: int = 1,
    key: str | None = None,
) -> httpx.Response:
    headers = {**who, **({"Idempotency-Key": key} if key else {})}
    return await api.post(gate_path(shop), json={"quantity": quantity}, headers=headers)


async def order_id(api: httpx.AsyncClient, shop: Shop, who: dict[str, str] = ADA) -> str:
    """The id of a freshly accepted order."""
    answer = await click(api, shop, who)
    assert answer.status_code == 202, answer.text
    accepted: str = answer.json()["order_id"]
    return accepted


async def placed(api: httpx.AsyncClient, shop: Shop, who: dict[str, str] = ADA) -> str:
    """An order that waits to be paid."""
    accepted = await order_id(api, shop, who)
    user_id = "ada" if who is ADA else "bob"
    await shop.start(shop.intent_for(accepted, user_id))
    await eventually(lambda: status(api, accepted, who), "pending_payment")
    return accepted


async def status(api: httpx.AsyncClient, accepted: str, who: dict[str, str] = ADA) -> object:
    return (await api.get(f"/v1/orders/{accepted}", headers=who)).json().get("status")


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """A problem document as the contract describes it; returns its members."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["type"] and problem["title"] and problem["detail"]
    if status == 503 or status == 429:
        assert int(answer.headers["retry-after"]) > 0
    return problem
