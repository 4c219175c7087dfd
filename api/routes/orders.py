"""A buyer's orders."""

from fastapi import APIRouter

from api.deps import CallerDep, Cursor, Limit, OrderId, ServicesDep
from api.openapi_problems import refuses
from api.schemas.model import ReasonBody
from api.schemas.orders import OrdersPage, OrderView, order_summary
from domain.errors import ErrorCode
from domain.order import CANCELLED_BY_AN_OPERATOR
from infra.postgres.orders import Orders
from infra.readable import all_readable

router = APIRouter(tags=["buyer"])


@router.get("/v1/orders", summary="The caller's orders, newest first")
async def list_orders(
    caller: CallerDep, services: ServicesDep, cursor: Cursor = None, limit: Limit = 20
) -> OrdersPage:
    """An order is listed once it is placed; before, it is seen by its own address alone."""
    async with services.database.transaction() as connection:
        orders, following = await Orders(connection).of_user(caller.user_id, cursor, limit)
    return OrdersPage(orders=all_readable(orders, order_summary), next_cursor=following)


@router.get("/v1/orders/{order_id}", summary="One order with its story")
async def get_order(order_id: OrderId, caller: CallerDep, services: ServicesDep) -> OrderView:
    """Only the caller's own, unless the caller is an operator. A queued order is seen at once."""
    return await services.orders.view(order_id, caller)


@router.post(
    "/v1/orders/{order_id}/cancel",
    summary="Give an unpaid order up",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def cancel_order(
    order_id: OrderId,
    caller: CallerDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> OrderView:
    """Answers with the order. One that was paid first is refunded instead of cancelled."""
    usual = CANCELLED_BY_AN_OPERATOR if caller.is_operator else "cancelled by the buyer"
    reason = (body and body.reason) or usual
    return await services.order_updates.cancel(order_id, caller, reason)
