"""Orders as operators find and mend them. Each action leaves a row: who, what, why."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Cursor, Limit, OperatorDep, OrderId, Services, ServicesDep
from api.operator_schemas import DecisionBody, ExtendBody, OperatorOrderView
from api.routes.orders import refuse_unless_unfinished
from api.schemas import OrdersPage, OrderView, ReasonBody
from api.views import operator_order_view, order_summary
from domain.delivery import DeliveryKind
from domain.errors import ErrorCode, Refusal
from domain.order import EventKind
from domain.refund import trade_workflow_id
from domain.states import DeliveryStatus, OrderStatus
from infra.postgres.orders import Orders
from workflows.updates import DecideDelivery

router = APIRouter(prefix="/v1/operator/orders", tags=["operator"])

Searched = Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


@router.get("", summary="Find orders")
async def list_orders(
    _operator: OperatorDep,
    services: ServicesDep,
    user_id: Searched = None,
    order_id: Searched = None,
    trade_no: Searched = None,
    status: OrderStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> OrdersPage:
    async with services.database.transaction() as connection:
        orders, following = await Orders(connection).search(
            user_id=user_id,
            order_id=order_id,
            trade_no=trade_no,
            status=status,
            cursor=cursor,
            limit=limit,
        )
    return OrdersPage(orders=[order_summary(order) for order in orders], next_cursor=following)


@router.get("/{order_id}", summary="One order, with who did what")
async def get_order(
    order_id: OrderId, _operator: OperatorDep, services: ServicesDep
) -> OperatorOrderView:
    dossier = await services.shelf.dossier(order_id)
    if dossier is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such order")
    return operator_order_view(dossier)


@router.post("/{order_id}/extend", summary="Give the buyer more time to pay")
async def extend_deadline(
    order_id: OrderId, body: ExtendBody, operator: OperatorDep, services: ServicesDep
) -> OrderView:
    refuse_unless_unfinished(await services.shelf.view(order_id, operator))
    await services.commands.extend(order_id, body.seconds, operator.actor, body.reason)
    return await services.shelf.view(order_id, operator)


@router.post("/{order_id}/recheck", summary="Ask the providers now whether the order is paid")
async def recheck_payment(
    order_id: OrderId,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> OrderView:
    refuse_unless_unfinished(await services.shelf.view(order_id, operator))
    await _record(services, order_id, EventKind.RECHECK_ASKED, operator.actor, body)
    await services.commands.recheck(order_id, operator.actor)
    return await services.shelf.view(order_id, operator)


@router.post("/{order_id}/cancel", summary="Give an unpaid order up for the buyer")
async def cancel_order(
    order_id: OrderId,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> OrderView:
    refuse_unless_unfinished(await services.shelf.view(order_id, operator))
    reason = (body and body.reason) or "cancelled by an operator"
    await services.commands.cancel(order_id, operator.actor, reason)
    return await services.shelf.view(order_id, operator)


@router.post("/{order_id}/deliveries/{kind}/retry", summary="Try a failed delivery once more")
async def retry_delivery(
    order_id: OrderId,
    kind: DeliveryKind,
    body: DecisionBody,
    operator: OperatorDep,
    services: ServicesDep,
) -> OrderView:
    """Answers when it was tried; the order's view says with what success."""
    decision = DecideDelivery(kind=kind, actor=operator.actor, reason=body.reason)
    order = await services.shelf.view(order_id, operator)
    _refuse_unless_failed(order, kind)
    await services.commands.retry_delivery(order_id, decision, _late_workflow(order))
    return await services.shelf.view(order_id, operator)


@router.post("/{order_id}/deliveries/{kind}/skip", summary="Go on without a failed delivery")
async def skip_delivery(
    order_id: OrderId,
    kind: DeliveryKind,
    body: DecisionBody,
    operator: OperatorDep,
    services: ServicesDep,
) -> OrderView:
    decision = DecideDelivery(kind=kind, actor=operator.actor, reason=body.reason)
    order = await services.shelf.view(order_id, operator)
    _refuse_unless_failed(order, kind)
    await services.commands.skip_delivery(order_id, decision, _late_workflow(order))
    return await services.shelf.view(order_id, operator)


def _refuse_unless_failed(order: OrderView, kind: DeliveryKind) -> None:
    """What is pending is still tried by itself, and what is over stays so."""
    status = next((one.status for one in order.deliveries if one.kind is kind), None)
    if status is not DeliveryStatus.FAILED:
        raise Refusal(
            ErrorCode.INVALID_STATE,
            f"the {kind} is {status}" if status else f"the order owes no {kind}",
            order_status=order.status,
        )


def _late_workflow(order: OrderView) -> str | None:
    """Money that came too late and was honoured is delivered for by the workflow that was to give
    it back."""
    paid = order.payment
    if paid is None or paid.trade_no is None:
        return None
    return trade_workflow_id(paid.method, paid.trade_no)


async def _record(
    services: Services, order_id: str, event: EventKind, actor: str, body: ReasonBody | None
) -> None:
    async with services.database.transaction() as connection:
        orders = Orders(connection)
        if await orders.get(order_id):
            await orders.record(order_id, event, actor, body.reason if body else "")
