"""Refunds somebody is working on: asked for, not done, and with a running workflow."""

from collections.abc import Sequence

from temporalio.client import Client

from audit.running_workflows import ended_workflows
from domain.refund import Refund
from domain.states import RefundStatus

UNDER_WAY = (RefundStatus.REQUESTED, RefundStatus.ACCEPTED)


async def refunds_under_way(client: Client, refunds: Sequence[Refund]) -> list[Refund]:
    candidates = [refund for refund in refunds if refund.status in UNDER_WAY]
    ended = await ended_workflows(client, {refund.workflow_id for refund in candidates})
    return [refund for refund in candidates if refund.workflow_id not in ended]
