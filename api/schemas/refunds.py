"""Refunds, as they are asked for and seen."""

from typing import Annotated

from pydantic import Field

from api.schemas.model import MAX_MONEY, ReasonBody, View
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


class RefundBody(ReasonBody):
    amount: Annotated[int, Field(strict=True, ge=1, le=MAX_MONEY)] | None = Field(
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
