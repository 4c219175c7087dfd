"""Who is worked on, as far as workflows tell."""

from datetime import UTC, datetime

import pytest

from audit.running_workflows import ended_orders, refunds_under_way
from domain.payment import PaymentMethod
from domain.refund import Refund, RefundReason
from domain.states import RefundStatus
from tests.support.workflows_double import WorkflowsDouble


def refund(status: RefundStatus) -> Refund:
    return Refund(
        refund_id="RAT1",
        order_id="O1",
        payment_id="O1A1",
        method=PaymentMethod.ALIPAY,
        trade_no="T1",
        amount=8800,
        currency="CNY",
        reason=RefundReason.ORDER,
        note="",
        status=status,
        requested_by="system",
        requested_at=datetime.now(UTC),
    )


async def test_orders_whose_workflow_does_not_run_are_told_by_their_own_ids() -> None:
    workflows = WorkflowsDouble(running={"order-O1"})

    assert await ended_orders(workflows, ["O1", "O2"]) == {"O2": "does not exist"}


@pytest.mark.parametrize("status", RefundStatus)
async def test_a_refund_is_under_way_while_it_is_not_over_and_its_workflow_runs(
    status: RefundStatus,
) -> None:
    asked = refund(status)
    is_open = status in (RefundStatus.REQUESTED, RefundStatus.ACCEPTED)

    worked_on = await refunds_under_way(WorkflowsDouble(running={asked.workflow_id}), [asked])

    assert worked_on == ([asked] if is_open else [])
    assert await refunds_under_way(WorkflowsDouble(), [asked]) == []
