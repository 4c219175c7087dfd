"""Notices that no round visits are found, also while Temporal, whose schedule it is, is away."""

from dataclasses import replace
from datetime import timedelta

from temporalio.service import RPCError, RPCStatusCode

from audit.overdue_notices import overdue_notices
from audit.run import run_audit
from audit.sources import AuditSources
from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from tests.support.audited_orders import check_of
from tests.support.ledger import damage
from tests.support.workflows_double import WorkflowsDouble

LONG_DUE = "UPDATE payment_notices SET due_at = now() - interval '10 minutes'"


async def _keep(database: Database, name: str, verdict: Verdict = Verdict.ACCEPTED) -> None:
    told = VerifiedNotice(
        provider_notice_id=name, kind=NoticeKind.PAYMENT, verdict=verdict, payment_id="P1"
    )
    async with database.transaction() as connection:
        await Notices(connection).keep(name, PaymentMethod.ALIPAY, told, "O1", b"{}", {})


async def test_what_waits_and_is_long_due_is_named_and_nothing_else(database: Database) -> None:
    for verdict in Verdict:
        await _keep(database, verdict, verdict)
    await _keep(database, "handled")
    async with database.transaction() as connection:
        await Notices(connection).mark_handled("handled", "received")
    await damage(database, LONG_DUE)
    await _keep(database, "just come")

    async with database.transaction() as connection:
        found = await overdue_notices(connection, timedelta(minutes=3))

    assert {notice.notice_id for notice in found} == {Verdict.ACCEPTED, Verdict.WRONG_AMOUNT}
    assert "due for 10 minutes" in found[0].finding().what


async def test_a4_says_so_while_temporal_is_away(database: Database, sources: AuditSources) -> None:
    away = WorkflowsDouble(away=RPCError("away", RPCStatusCode.UNAVAILABLE, b""))
    cut_off = replace(sources, workflows=away)
    await _keep(database, "n")
    await damage(database, LONG_DUE)

    check = check_of(await run_audit(cut_off), "A4")

    assert not check.ok
    assert "notice n of order O1 has been due" in check.detail
