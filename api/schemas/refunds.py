"""Refunds, as they are asked for and seen."""

from pydantic import Field

from api.schemas.model import Amount, DecisionBody, View
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
    amount: Amount | None = Field(
        default=None, description="null: all that is left, which undoes the order"
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
