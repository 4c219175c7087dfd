"""Refunds somebody is working on: asked for, not done, and with a running workflow."""

from collections.abc import Sequence

from temporalio.client import Client

from audit.running_workflows import ended_workflows
from domain.payment import PaymentMethod
from domain.refund import Refund
from domain.states import RefundStatus

UNDER_WAY = (RefundStatus.REQUESTED, RefundStatus.ACCEPTED)


def refund_workflow_id(method: PaymentMethod, trade_no: str) -> str:
    """One workflow for one trade: money of a trade goes back once."""
    return f"refund-{method.value}-{trade_no}"


async def refunds_under_way(client: Client, refunds: Sequence[Refund]) -> list[Refund]:
    candidates = [refund for refund in refunds if refund.status in UNDER_WAY]
    ended = await ended_workflows(client, {_name(refund) for refund in candidates})
    return [refund for refund in candidates if _name(refund) not in ended]


def _name(refund: Refund) -> str:
    return refund_workflow_id(refund.method, refund.trade_no)
