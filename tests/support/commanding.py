"""Commands to sales, as operators give them over HTTP."""

from typing import Any

import httpx
from sqlalchemy import select

from infra.postgres.engine import Database
from infra.postgres.tables.sale_commands import sale_commands
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import WHY, drafted, published


async def command(
    api: httpx.AsyncClient, sale_id: str, name: str, body: object = WHY, key: str | None = None
) -> httpx.Response:
    headers = {**OPERATOR, **({"Idempotency-Key": key} if key else {})}
    return await api.post(f"/v1/operator/sales/{sale_id}/{name}", json=body, headers=headers)


async def change(
    api: httpx.AsyncClient, sale_id: str, body: object, **headers: str
) -> httpx.Response:
    said = {**OPERATOR, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return await api.patch(f"/v1/operator/sales/{sale_id}", json=body, headers=said)


async def restock(
    api: httpx.AsyncClient, sale_id: str, quantity: object, key: str | None = None
) -> httpx.Response:
    body = {"quantity": quantity, **WHY}
    return await command(api, sale_id, "items/teapot/restock", body, key)


async def order(
    api: httpx.AsyncClient, sale_id: str, quantity: int = 1, who: dict[str, str] = ADA
) -> httpx.Response:
    path = f"/v1/sales/{sale_id}/items/teapot/orders"
    return await api.post(path, json={"quantity": quantity}, headers=who)


async def on_sale(api: httpx.AsyncClient, **changes: Any) -> str:
    sale_id: str = (await drafted(api, **changes))["sale_id"]
    await published(api, sale_id)
    return sale_id


async def item_of(api: httpx.AsyncClient, sale_id: str) -> dict[str, Any]:
    """Its only item, as operators see it, a moment later than what they were shown before."""
    answer = await api.get(f"/v1/operator/sales/{sale_id}", headers=OPERATOR)
    item: dict[str, Any] = answer.json()["items"][0]
    return item


async def commands_of(database: Database, sale_id: str) -> list[tuple[str, str, str, int]]:
    row = sale_commands.c
    query = select(row.actor, row.kind, row.reason, row.version).where(row.sale_id == sale_id)
    async with database.transaction() as connection:
        rows = await connection.execute(query.order_by(row.command_number))
        return [(one[0], one[1], one[2], one[3]) for one in rows]
