"""Refunds over HTTP."""

import httpx

from tests.support.callers import ADA
from tests.support.refunding import a_paid_order
from tests.support.shop import Shop


async def paid(shop: Shop) -> str:
    return (await a_paid_order(shop)).intent.order_id


async def ask(
    api: httpx.AsyncClient, order: str, who: dict[str, str] = ADA, reason: str = "too big"
) -> httpx.Response:
    return await api.post(f"/v1/orders/{order}/refunds", json={"reason": reason}, headers=who)


async def order_view(api: httpx.AsyncClient, order: str) -> dict[str, object]:
    view: dict[str, object] = (await api.get(f"/v1/orders/{order}", headers=ADA)).json()
    return view


async def refund_states(api: httpx.AsyncClient, order: str) -> list[object]:
    view = await order_view(api, order)
    refunds = view["refunds"]
    assert isinstance(refunds, list)
    return [refund["status"] for refund in refunds]
