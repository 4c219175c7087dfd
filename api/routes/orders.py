"""A buyer's orders."""

from fastapi import APIRouter

from api.deps import CallerDep, Cursor, Limit, OrderId, ServicesDep
from api.schemas.model import ReasonBody
from api.schemas.orders import OrdersPage, OrderView, order_summary
from infra.postgres.orders import Orders

router = APIRouter(tags=["buyer"])


@router.get("/v1/orders", summary="The caller's orders, newest first")
async def list_orders(
    caller: CallerDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 20
) -> OrdersPage:
    async with services.database.transaction() as connection:
        orders, following = await Orders(connection).of_user(caller.user_id, cursor, limit)
    return OrdersPage(orders=[order_summary(order) for order in orders], next_cursor=following)


@router.get("/v1/orders/{order_id}", summary="One order with its story")
async def get_order(order_id: OrderId, caller: CallerDep, services: ServicesDep) -> OrderView:
    return await services.orders.view(order_id, caller)


@router.post("/v1/orders/{order_id}/cancel", summary="Give an unpaid order up")
async def cancel_order(
    order_id: OrderId,
    caller: CallerDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> OrderView:
    reason = (body and body.reason) or "cancelled by the buyer"
    return await services.order_updates.cancel(order_id, caller, reason)
