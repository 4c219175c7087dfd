"""A buyer undoes a paid order and gets the money back."""

from fastapi import APIRouter

from api.deps import CallerDep, OrderId, ServicesDep
from api.openapi_problems import refuses
from api.orders import refuse_unless
from api.schemas.model import ReasonBody
from api.schemas.refunds import RefundView
from domain.errors import ErrorCode
from domain.refund_rules import REFUNDABLE, RefundWish
from domain.states import OrderStatus

router = APIRouter()

# Asked for again, a refund is answered as it was the first time.
_REFUNDED = REFUNDABLE | {OrderStatus.REFUNDING, OrderStatus.REFUNDED}


@router.post(
    "/v1/orders/{order_id}/refunds",
    summary="Undo a paid order and get the money back",
    status_code=202,
    tags=["buyer"],
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def ask_for_refund(
    order_id: OrderId,
    caller: CallerDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
) -> RefundView:
    """All of it goes back, by the way it came. Asked again it is the same refund."""
    refuse_unless(await services.orders.view(order_id, caller), _REFUNDED)
    usual = "asked for by an operator" if caller.is_operator else "asked for by the buyer"
    note = (body and body.reason) or usual
    return await services.refunds.ask(order_id, RefundWish(actor=caller.actor, note=note))
