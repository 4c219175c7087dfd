"""A workflow is told so often and no oftener: Temporal lets one run take so many signals."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.attention import AttentionKind
from domain.notice import Notice, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import Payment, PaymentMethod
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notice_queue import NoticeQueue
from infra.postgres.notices import Notices
from notices import relay
from notices.relay import NoticeRelay, RelayOutcome
from tests.support.values import a_receipt
from tests.support.workflows_double import WorkflowsDouble

CALLED = (AttentionKind.UNMATCHED_NOTICE, "n-1")


async def _kept(database: Database, payment: Payment, kind: NoticeKind) -> Notice:
    news = RefundReport(refund_id="RA1", payment_id=payment.payment_id, amount=1, succeeded=True)
    told = VerifiedNotice(
        provider_notice_id="n-1",
        kind=kind,
        verdict=Verdict.ACCEPTED,
        payment_id=payment.payment_id,
        receipt=a_receipt(payment) if kind is NoticeKind.PAYMENT else None,
        refund=news if kind is NoticeKind.REFUND else None,
    )
    async with database.transaction() as connection:
        return await Notices(connection).keep(
            "n-1", PaymentMethod.ALIPAY, told, payment.order_id, b"", {}
        )


async def _replayed(database: Database, workflows: WorkflowsDouble) -> RelayOutcome:
    """As an operator has it told once more, or a round does."""
    async with database.transaction() as connection:
        await NoticeQueue(connection).reopen("n-1")
        notice = await Notices(connection).get("n-1")
    assert notice is not None
    return await NoticeRelay(database, workflows, {}).relay(notice)


async def _open(database: Database) -> list[tuple[AttentionKind, str]]:
    async with database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 10)
    return [(row.kind, row.subject) for row in rows]


# News of a refund is handled once a workflow has it: whoever finds it so calls nobody.
@pytest.mark.parametrize(
    ("kind", "called"), [(NoticeKind.PAYMENT, [CALLED]), (NoticeKind.REFUND, [])]
)
async def test_a_workflow_that_was_told_often_enough_is_left_to_a_person(
    database: Database,
    payment: Payment,
    kind: NoticeKind,
    called: list[tuple[AttentionKind, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "SIGNALS_AT_MOST", 3)
    await _kept(database, payment, kind)
    workflows = WorkflowsDouble(running={f"order-{payment.order_id}", "refund-alipay-1"})

    outcomes = [await _replayed(database, workflows) for _ in range(6)]

    assert outcomes == [RelayOutcome.SIGNALLED] * 3 + [RelayOutcome.UNMATCHED] * 3
    assert len(workflows.told) == 3
    assert await _open(database) == called


async def test_a_run_that_takes_no_more_signals_is_not_tried_without_end(
    database: Database, payment: Payment
) -> None:
    await _kept(database, payment, NoticeKind.PAYMENT)
    said = "exceeded workflow execution limit for signal events"
    deaf = WorkflowsDouble(away=RPCError(said, RPCStatusCode.INVALID_ARGUMENT, b""))

    assert await _replayed(database, deaf) is RelayOutcome.UNMATCHED

    assert await _open(database) == [CALLED]
    odd = WorkflowsDouble(away=RPCError("too long", RPCStatusCode.INVALID_ARGUMENT, b""))
    with pytest.raises(RPCError):
        await _replayed(database, odd)
