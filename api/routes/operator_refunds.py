"""Operators give back all or a part of an order's money, and decide about refunds that failed."""

from fastapi import APIRouter

from api.deps import IdempotencyKey, OneKey, OperatorDep, OrderId, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.schemas.approvals import AwaitingApprovalView, awaiting_view
from api.schemas.model import DecisionBody, ReasonBody
from api.schemas.refunds import RefundBody, RefundView
from domain.approval import Approval
from domain.errors import ErrorCode
from domain.refund_rules import RefundWish

router = APIRouter(prefix="/v1/operator", tags=["operator"])


@router.post(
    "/orders/{order_id}/refund",
    summary="Give all or a part of an order's money back",
    status_code=202,
    dependencies=[OneKey],
    openapi_extra=refuses(ErrorCode.INVALID_STATE, ErrorCode.IDEMPOTENCY_MISMATCH),
)
async def refund_order(
    order_id: OrderId,
    operator: OperatorDep,
    services: ServicesDep,
    body: RefundBody,
    idempotency_key: IdempotencyKey = None,
) -> RefundView | AwaitingApprovalView:
    """Without an amount, or with all that is left, the order is undone and its stock goes back on
    sale; a smaller amount leaves the order as it is. `by_hand` writes down what has gone back
    without us, which no provider is asked for any more. Above the amounts
    that are set it waits for a second person (`awaiting_approval`)."""
    wish = RefundWish(
        actor=operator.actor,
        note=body.reason,
        amount=body.amount,
        request_key=idempotency_key,
        by_hand=body.by_hand,
    )
    asked = await services.operating.refunds.ask(order_id, wish)
    return awaiting_view(asked) if isinstance(asked, Approval) else asked


@router.post(
    "/refunds/{refund_id}/retry",
    summary="Ask the provider again for a refund that failed",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def retry_refund(
    refund_id: str, body: ReasonBody, operator: OperatorDep, services: ServicesDep
) -> RefundView:
    """Under the same number: a provider that did pay says so, and pays nothing more."""
    return await services.refunds.retry(known_name(refund_id), operator.actor, body.reason)


@router.post(
    "/refunds/{refund_id}/resolve",
    summary="Write down that a failed refund was paid by other means",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def resolve_refund(
    refund_id: str, body: DecisionBody, operator: OperatorDep, services: ServicesDep
) -> RefundView:
    """The order is then refunded: our books say that the money went back, so see to it first."""
    return await services.refunds.resolve(known_name(refund_id), operator.actor, body.reason)
