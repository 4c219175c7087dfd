"""Refunds, as they are asked for and seen."""

from pydantic import Field, StrictBool

from api.schemas.model import Amount, DecisionBody, View, such_as
from domain.refund import Refund, RefundReason
from domain.states import RefundStatus


class RefundSummary(View):
    refund_id: str
    status: RefundStatus
    amount: int
    reason: RefundReason


class RefundView(View):
    refund_id: str
    status: RefundStatus
    amount: int


class RefundBody(DecisionBody):
    model_config = such_as(amount=500, reason="a scratch")

    amount: Amount | None = Field(
        default=None, description="null: all that is left, which undoes the order"
    )
    by_hand: StrictBool = Field(
        default=False,
        description="the money has gone back already, in the provider's console or by a dispute:"
        " the provider is not asked, and it is only written down",
    )


def refund_view(refund: Refund) -> RefundView:
    return RefundView(refund_id=refund.refund_id, status=refund.status, amount=refund.amount)


def refund_summary(refund: Refund) -> RefundSummary:
    return RefundSummary(
        refund_id=refund.refund_id,
        status=refund.status,
        amount=refund.amount,
        reason=refund.reason,
    )
