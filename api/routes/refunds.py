"""Giving money back: buyers undo a paid order, operators also give back a part of it."""

from typing import Annotated

from fastapi import APIRouter, Header

from api.deps import CallerDep, OperatorDep, OrderId, ServicesDep
from api.operator_schemas import RefundBody
from api.routes.names import known_name
from api.schemas import ReasonBody, RefundView
from domain.errors import ErrorCode, Refusal
from domain.refund import Refund
from domain.refund_rules import REFUNDABLE, RefundWish
from domain.states import OrderStatus

router = APIRouter()

IdempotencyKey = Annotated[
    str | None,
    Header(max_length=128, pattern=r"^[ -~]+$", description="the same key is the same refund"),
]
_REFUNDED = REFUNDABLE | {OrderStatus.REFUNDING, OrderStatus.REFUNDED}


@router.post(
    "/v1/orders/{order_id}/refunds",
    summary="Undo a paid order and get the money back",
    status_code=202,
    tags=["buyer"],
)
async def ask_for_refund(
    order_id: OrderId,
    caller: CallerDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> RefundView:
    order = await services.shelf.view(order_id, caller)
    if order.status not in _REFUNDED:
        raise Refusal(
            ErrorCode.INVALID_STATE, f"the order is {order.status}", order_status=order.status
        )
    note = (body and body.reason) or "asked for by the buyer"
    refund_id, status, amount = await services.refunds.ask(
        order_id, RefundWish(actor=caller.actor, note=note)
    )
    return RefundView(refund_id=refund_id, status=status, amount=amount)


@router.post(
    "/v1/operator/orders/{order_id}/refund",
    summary="Give all or a part of an order's money back",
    status_code=202,
    tags=["operator"],
)
async def refund_order(
    order_id: OrderId,
    operator: OperatorDep,
    services: ServicesDep,
    body: RefundBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> RefundView:
    """Without an amount, or with all that is left, the order is undone and its stock goes back on
    sale; a smaller amount leaves the order as it is."""
    body = body or RefundBody()
    await services.shelf.view(order_id, operator)
    wish = RefundWish(
        actor=operator.actor,
        note=body.reason or "given back by an operator",
        amount=body.amount,
        request_key=idempotency_key,
    )
    refund_id, status, amount = await services.refunds.ask(order_id, wish)
    return RefundView(refund_id=refund_id, status=status, amount=amount)


@router.post(
    "/v1/operator/refunds/{refund_id}/retry",
    summary="Ask the provider again for a refund that failed",
    tags=["operator"],
)
async def retry_refund(
    refund_id: str, body: ReasonBody, operator: OperatorDep, services: ServicesDep
) -> RefundView:
    known = known_name(refund_id)
    return _view(await services.refunds.retry(known, operator.actor, body.reason))


@router.post(
    "/v1/operator/refunds/{refund_id}/resolve",
    summary="Write down that a failed refund was paid by other means",
    tags=["operator"],
)
async def resolve_refund(
    refund_id: str, body: ReasonBody, operator: OperatorDep, services: ServicesDep
) -> RefundView:
    known = known_name(refund_id)
    return _view(await services.refunds.resolve(known, operator.actor, body.reason))


def _view(refund: Refund) -> RefundView:
    return RefundView(refund_id=refund.refund_id, status=refund.status, amount=refund.amount)
