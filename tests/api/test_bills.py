"""A reconciliation that is waited for a bit, and days that nobody can bill."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from temporalio.client import WorkflowFailureError

from api import bills
from api.bills import BillReconciler
from domain.bill import BillCheck, day_of
from domain.errors import ErrorCode, Refusal
from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway
from tests.support.api_doubles import ToldWorkflows
from tests.support.values import NOON
from workflows.bills import BillsOutcome

TODAY = day_of(datetime.now(UTC))
ALIPAY, WECHATPAY = PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY


def reconciler(*answers: object) -> tuple[BillReconciler, ToldWorkflows]:
    """Alipay alone is set up."""
    workflows = ToldWorkflows(*answers)
    return BillReconciler(workflows, {ALIPAY: cast(Gateway, None)}), workflows


def compared() -> BillCheck:
    return BillCheck.model_validate(
        {
            "method": ALIPAY,
            "day": TODAY,
            "checked_at": NOON,
            "lines": 3,
            "matched": 2,
            "repaired": 0,
            "mismatches": 1,
            "sample": [],
        }
    )


async def test_what_ends_soon_is_answered_whole() -> None:
    reconciling, workflows = reconciler(BillsOutcome(day=TODAY, checks=(compared(),)))

    view = await reconciling.reconcile(TODAY, ALIPAY, "operator:olga")

    assert (view.finished, view.day) == (True, TODAY)
    assert [(check.lines, check.ok) for check in view.checks] == [(3, False)]
    assert workflows.started == [view.workflow_id] == [f"bills-{TODAY}-alipay"]


async def test_what_takes_long_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bills, "ANSWER_SECONDS", 0.01)
    reconciling, workflows = reconciler()

    async def endless() -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(workflows, "_answer", endless)
    view = await reconciling.reconcile(TODAY, None, "operator:olga")

    assert (view.finished, view.checks) == (False, [])
    assert workflows.started == [view.workflow_id]


async def test_one_that_was_ended_is_to_be_asked_for_again() -> None:
    reconciling, _ = reconciler(WorkflowFailureError(cause=RuntimeError("terminated")))

    with pytest.raises(Refusal) as refusal:
        await reconciling.reconcile(TODAY, None, "operator:olga")
    assert refusal.value.code is ErrorCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("day", "method", "field"),
    [
        (TODAY + timedelta(days=1), None, "day"),
        (TODAY - timedelta(days=91), None, "day"),
        (TODAY, PaymentMethod.POINTS, "method"),
        (TODAY, WECHATPAY, "method"),
    ],
)
async def test_what_cannot_be_billed_is_named(
    day: date, method: PaymentMethod | None, field: str
) -> None:
    reconciling, workflows = reconciler()

    with pytest.raises(Refusal) as refusal:
        reconciling.refuse_unless_billed(day, method)

    assert refusal.value.code is ErrorCode.INVALID
    (error,) = cast(list[dict[str, object]], refusal.value.extra["errors"])
    assert error["loc"] == ["body", field]
    assert workflows.started == []
