"""Orders as operators find and mend them. Each action leaves a row: who, what, why."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from api.deps import Cursor, Limit, OperatorDep, OrderId, ServicesDep
from api.openapi_problems import refuses
from api.order_export import export_orders
from api.schemas.model import PRINTABLE, DecisionBody, ReasonBody
from api.schemas.orders import (
    ExtendBody,
    OperatorOrderView,
    OrdersPage,
    OrderView,
    operator_order_view,
    order_summary,
)
from domain.delivery import DeliveryKind
from domain.errors import ErrorCode, Refusal
from domain.states import OrderStatus
from infra.postgres.orders import OrderFilter, Orders
from infra.readable import all_readable
from workflows.updates import DecideDelivery

router = APIRouter(prefix="/v1/operator/orders", tags=["operator"])
export_router = APIRouter(tags=["operator"])

Searched = Annotated[str | None, Query(max_length=128, pattern=PRINTABLE)]


async def order_filter(
    user_id: Searched = None,
    order_id: Searched = None,
    trade_no: Searched = None,
    status: OrderStatus | None = None,
    sale_id: Searched = None,
) -> OrderFilter:
    # Who asks for one of them by name finds it.
    asked_for = any(term is not None for term in (user_id, order_id, trade_no, sale_id))
    return OrderFilter(user_id, order_id, trade_no, status, sale_id, with_practice=asked_for)


FilterDep = Annotated[OrderFilter, Depends(order_filter)]
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}
_AS_A_FILE = {"Content-Disposition": 'attachment; filename="orders.csv"'}


@router.get("", summary="Find orders")
async def list_orders(
    _operator: OperatorDep,
    services: ServicesDep,
    wanted: FilterDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> OrdersPage:
    """All that fit every given term, newest first. `trade_no` is the provider's number or ours."""
    async with services.database.transaction() as connection:
        orders, following = await Orders(connection).search(
            **wanted._asdict(), cursor=cursor, limit=limit
        )
    return OrdersPage(orders=all_readable(orders, order_summary), next_cursor=following)


@export_router.get(
    "/v1/operator/orders.csv",
    summary="All orders that fit, for a spreadsheet",
    response_class=StreamingResponse,
    responses=_CSV,
)
async def export(
    _operator: OperatorDep, services: ServicesDep, wanted: FilterDep
) -> StreamingResponse:
    """The same terms as to find orders, newest first, with each order's money. Amounts are in
    minor units. A cell that a spreadsheet would take for a formula begins with an apostrophe. An
    answer that breaks off is not whole: ask again."""
    texts = await export_orders(services.database, wanted)
    return StreamingResponse(texts, media_type="text/csv; charset=utf-8", headers=_AS_A_FILE)


@router.get("/{order_id}", summary="One order, with who did what")
async def get_order(
    order_id: OrderId, _operator: OperatorDep, services: ServicesDep
) -> OperatorOrderView:
    """As its buyer sees it, with all payments ever begun. A queued order is not here yet."""
    dossier = await services.orders.dossier(order_id)
    if dossier is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such order")
    return operator_order_view(dossier)


@router.post(
    "/{order_id}/extend",
    summary="Give the buyer more time to pay",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def extend_deadline(
    order_id: OrderId, body: ExtendBody, operator: OperatorDep, services: ServicesDep
) -> OrderView:
    """Counted from the deadline that stands. No provider takes one more than two weeks from now."""
    return await services.order_updates.extend(order_id, operator, body.seconds, body.reason)


@router.post(
    "/{order_id}/recheck",
    summary="Ask the providers now whether the order is paid",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def recheck_payment(
    order_id: OrderId,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> OrderView:
    """Answers when each provider with an open payment was asked, or after ten seconds."""
    return await services.order_updates.recheck(order_id, operator, body.reason if body else "")


@router.post(
    "/{order_id}/cancel",
    summary="Give an unpaid order up for the buyer",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def cancel_order(
    order_id: OrderId,
    operator: OperatorDep,
    services: ServicesDep,
    body: DecisionBody,
) -> OrderView:
    """Its stock goes back on sale once no payment can arrive any more."""
    return await services.order_updates.cancel(order_id, operator, body.reason)


@router.post(
    "/{order_id}/deliveries/{kind}/retry",
    summary="Try a failed delivery once more",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def retry_delivery(
    order_id: OrderId,
    kind: DeliveryKind,
    body: DecisionBody,
    operator: OperatorDep,
    services: ServicesDep,
) -> OrderView:
    """Answers when it was tried; the order's view says with what success."""
    decision = DecideDelivery(kind=kind, actor=operator.actor, reason=body.reason)
    return await services.order_updates.retry_delivery(order_id, operator, decision)


@router.post(
    "/{order_id}/deliveries/{kind}/skip",
    summary="Go on without a failed delivery",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def skip_delivery(
    order_id: OrderId,
    kind: DeliveryKind,
    body: DecisionBody,
    operator: OperatorDep,
    services: ServicesDep,
) -> OrderView:
    """The order is then complete without it. Nothing tries it again."""
    decision = DecideDelivery(kind=kind, actor=operator.actor, reason=body.reason)
    return await services.order_updates.skip_delivery(order_id, operator, decision)
