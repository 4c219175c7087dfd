"""What the cases of the field say again and again."""

from typing import Any

import httpx

from domain.ids import workflow_id
from domain.order import Order
from domain.sale import Item, ItemRef
from infra.postgres.orders import Orders
from infra.postgres.stock import Stock
from infra.temporal.client import connect_temporal
from tests.support.deadlines import run_out_of_time
from tests.support.polling import until
from tests.support.whole_system import OPERATOR, WholeSystem, bearer

# Long enough that nothing ends by the clock while a case is told.
LONG = 60


async def begun(
    system: WholeSystem,
    order_id: str,
    user_id: str,
    method: str = "wechatpay",
    scene: str | None = None,
) -> dict[str, Any]:
    """A payment the buyer has begun: what the API answered, once it was not too busy to."""

    async def answered() -> httpx.Response | None:
        answer = await system.begin(order_id, user_id, method, scene)
        return None if answer.status_code == 503 else answer

    answer: httpx.Response = await until(answered, every=0.2)
    assert answer.status_code == 200, answer.text
    payment: dict[str, Any] = answer.json()
    return payment


async def paid(system: WholeSystem, payment: dict[str, Any]) -> dict[str, Any]:
    """The line of the provider's book after the buyer pressed Pay."""
    answer = await system.press_pay(payment)
    assert answer.status_code == 200, answer.text
    line: dict[str, Any] = answer.json()
    assert line["paid"] == line["amount"]
    return line


async def paid_unnoticed(system: WholeSystem, payment: dict[str, Any]) -> dict[str, Any]:
    """As `paid`, but the provider's notice of it is lost; later ones are not."""
    await system.misbehave(payment["out_trade_no"], drop=1.0)
    line = await paid(system, payment)
    await system.misbehave(payment["out_trade_no"])
    return line


async def bought(system: WholeSystem, sale_id: str, user_id: str, method: str = "wechatpay") -> str:
    """The id of an order that was paid and fulfilled."""
    order_id = await system.ordered(sale_id, user_id)
    await paid(system, await begun(system, order_id, user_id, method))
    await system.until_status(order_id, "fulfilled")
    return order_id


async def times_up(order_id: str) -> None:
    """The order's LONG window is over now."""
    temporal = await connect_temporal()
    handle = temporal.get_workflow_handle(workflow_id(order_id))
    await run_out_of_time(handle, LONG)


async def until_given_back(system: WholeSystem, number: str) -> dict[str, Any]:
    """The line of the provider's book once it has nothing of this trade any more."""

    async def given_back() -> dict[str, Any] | None:
        line = (await system.book())[number]
        return line if line["refunded"] == line["paid"] else None

    line: dict[str, Any] = await until(given_back, f"{number} to be given back")
    return line


async def notices_of(system: WholeSystem, order_id: str) -> list[dict[str, Any]]:
    answer = await system.api.get("/v1/operator/notices", params={"limit": 100}, headers=OPERATOR)
    notices = answer.json()["notices"]
    return [notice for notice in notices if order_id in (notice["payment_id"] or "")]


async def points_of(system: WholeSystem, user_id: str) -> int:
    account = await system.api.get("/v1/me/points", headers=bearer(user_id))
    balance: int = account.json()["balance"]
    return balance


async def grant_points(system: WholeSystem, user_id: str, amount: int) -> None:
    grant = {"user_id": user_id, "amount": amount, "reason": "a gift"}
    answer = await system.api.post("/v1/operator/points", json=grant, headers=OPERATOR)
    assert answer.status_code == 200, answer.text


async def item_of(system: WholeSystem, sale_id: str) -> Item:
    async with system.database.transaction() as connection:
        item = await Stock(connection).item(ItemRef(sale_id=sale_id, sku_id="teapot"))
    assert item is not None
    return item


async def row_of(system: WholeSystem, order_id: str) -> Order | None:
    async with system.database.transaction() as connection:
        return await Orders(connection).get(order_id)


def happened(view: dict[str, Any], event: str) -> int:
    """How often an event stands in an order's story."""
    return sum(line["event"] == event for line in view["timeline"])
