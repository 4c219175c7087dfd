"""What operators do over HTTP, in a word each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from infra.postgres.engine import Database
from infra.postgres.tables.operator_acts import operator_acts
from tests.support.callers import OPERATOR

WHY = {"reason": "looked into it"}


def new_sale(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    item = {
        "sku_id": "teapot",
        "title": "A teapot",
        "list_price": 12800,
        "price": 8800,
        "points_price": 900,
        "stock": 5,
        "per_user_limit": 2,
    }
    return {
        "name": "Autumn sale",
        "starts_at": (now - timedelta(minutes=1)).isoformat(),
        "ends_at": (now + timedelta(days=1)).isoformat(),
        "pay_window_seconds": 1800,
        "items": [item],
        **changes,
    }


async def drafted(api: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await api.post("/v1/operator/sales", json=new_sale(**changes), headers=OPERATOR)
    assert answer.status_code == 201, answer.text
    sale: dict[str, Any] = answer.json()
    return sale


async def published(api: httpx.AsyncClient, sale_id: str) -> dict[str, Any]:
    answer = await api.post(f"/v1/operator/sales/{sale_id}/publish", headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    sale: dict[str, Any] = answer.json()
    return sale


async def orderable(api: httpx.AsyncClient, **changes: Any) -> str:
    """Drafts and publishes a sale; the path where its item is ordered."""
    sale_id = (await drafted(api, **changes))["sale_id"]
    await published(api, sale_id)
    return f"/v1/sales/{sale_id}/items/teapot/orders"


async def view_of(api: httpx.AsyncClient, order: str) -> dict[str, Any]:
    view: dict[str, Any] = (await api.get(f"/v1/operator/orders/{order}", headers=OPERATOR)).json()
    return view


async def listed(api: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    page = await api.get("/v1/operator/attention", params=query, headers=OPERATOR)
    assert page.status_code == 200, page.text
    rows: list[dict[str, Any]] = page.json()["attention"]
    return rows


async def decide(api: httpx.AsyncClient, path: str, body: object = WHY) -> httpx.Response:
    return await api.post(f"/v1/operator/{path}", json=body, headers=OPERATOR)


async def give_back(
    api: httpx.AsyncClient, order: str, amount: int | None = None, key: str | None = None
) -> httpx.Response:
    headers = {**OPERATOR, **({"Idempotency-Key": key} if key else {})}
    body = {"amount": amount, "reason": "a scratch"}
    return await api.post(f"/v1/operator/orders/{order}/refund", json=body, headers=headers)


async def give(api: httpx.AsyncClient, amount: object, key: str = "gift") -> httpx.Response:
    body = {"user_id": "ada", "amount": amount, "reason": "welcome"}
    headers = {**OPERATOR, "Idempotency-Key": key}
    return await api.post("/v1/operator/points", json=body, headers=headers)


async def acts_of(database: Database) -> list[tuple[str, str, str, str]]:
    """What operators did where no other row says so, in its order: who, what, to what, why."""
    act = operator_acts.c
    query = select(act.actor, act.act, act.subject, act.reason).order_by(act.act_number)
    async with database.transaction() as connection:
        return [(row[0], row[1], row[2], row[3]) for row in await connection.execute(query)]
