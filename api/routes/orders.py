"""A buyer's orders."""

from fastapi import APIRouter

from api.deps import CallerDep, Cursor, Limit, OrderId, ServicesDep
from api.schemas import OrdersPage, OrderView, ReasonBody
from api.views import order_summary
from domain.errors import ErrorCode, Refusal
from domain.states import UNFINISHED
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
    return await services.shelf.view(order_id, caller)


@router.post("/v1/orders/{order_id}/cancel", summary="Give an unpaid order up")
async def cancel_order(
    order_id: OrderId,
    caller: CallerDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> OrderView:
    refuse_unless_unfinished(await services.shelf.view(order_id, caller))
    reason = (body and body.reason) or "cancelled by the buyer"
    await services.commands.cancel(order_id, caller.actor, reason)
    return await services.shelf.view(order_id, caller)


def refuse_unless_unfinished(order: OrderView) -> None:
    """Saves asking the workflow of an order that is past being paid or given up."""
    if order.status not in UNFINISHED:
        raise Refusal(
            ErrorCode.INVALID_STATE, f"the order is {order.status}", order_status=order.status
        )
