"""Notices find whom they concern: an order that waits, a refund, or nobody any more."""

from datetime import UTC, datetime

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.attention import AttentionKind
from domain.gateway_errors import TryLater
from domain.notice import Notice, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import PaymentMethod, Receipt
from domain.states import OrderStatus, RefundStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from notices import relay
from notices.relay import NoticeRelay, RelayOutcome
from tests.support.ledger import begin, open_item, place
from tests.support.refunding import a_paid_order, a_timed_out_order, refunds_of, start_refund
from tests.support.shop import PRICE, Shop
from tests.support.values import a_payment
from tests.support.workflows_double import WorkflowsDouble
from workflows.refund import RefundWorkflow
from workflows.updates import RefundOutcome


async def keep(
    shop: Shop,
    order_id: str,
    receipt: Receipt | None = None,
    *,
    verdict: Verdict = Verdict.ACCEPTED,
    refund: RefundReport | None = None,
    notice_id: str = "n-1",
) -> Notice:
    told = VerifiedNotice(
        provider_notice_id=notice_id,
        kind=NoticeKind.REFUND if refund else NoticeKind.PAYMENT,
        verdict=verdict,
        payment_id=receipt.payment_id if receipt else refund.payment_id if refund else None,
        receipt=receipt,
        refund=refund,
    )
    async with shop.database.transaction() as connection:
        return await Notices(connection).keep(
            notice_id, PaymentMethod.ALIPAY, told, order_id, b"{}", {}
        )


async def handled_as(shop: Shop, notice: Notice) -> str | None:
    async with shop.database.transaction() as connection:
        row = await Notices(connection).get(notice.notice_id)
    assert row is not None
    return row.handled_as


async def attention(shop: Shop) -> list[AttentionKind]:
    async with shop.database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 100)
    return [row.kind for row in rows]


async def test_money_for_an_order_that_is_over_goes_back(shop: Shop) -> None:
    intent, receipt = await a_timed_out_order(shop)
    notice = await keep(shop, intent.order_id, receipt)

    assert await shop.relay().relay(notice) is RelayOutcome.REFUNDING
    assert await shop.relay().relay(notice) in (RelayOutcome.REFUNDING, RelayOutcome.DUPLICATE)
    handle = shop.client.get_workflow_handle(
        f"refund-alipay-{receipt.trade_no}", result_type=RefundOutcome
    )
    assert (await handle.result()).status is RefundStatus.DONE

    assert shop.alipay.refunded == {f"RA{receipt.trade_no}": PRICE}
    assert await handled_as(shop, notice) == "received"
    assert await shop.relay().relay(notice) is RelayOutcome.DUPLICATE


async def test_money_an_order_was_paid_with_is_no_news(shop: Shop) -> None:
    order = await a_paid_order(shop)
    notice = await keep(shop, order.intent.order_id, order.receipt)

    assert await shop.relay().relay(notice) is RelayOutcome.DUPLICATE

    assert await handled_as(shop, notice) == "duplicate"
    assert await refunds_of(shop, order.intent.order_id) == ()


async def test_a_wrong_amount_that_the_provider_does_not_confirm_pays_the_order(
    shop: Shop,
) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    truth = shop.alipay.pay(payment.payment_id)
    forged = truth.model_copy(update={"amount": 1})
    notice = await keep(shop, intent.order_id, forged, verdict=Verdict.WRONG_AMOUNT)
    await _raise_wrong_amount(shop, notice)

    assert await shop.relay().relay(notice) is RelayOutcome.SIGNALLED

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await refunds_of(shop, intent.order_id) == ()
    assert await attention(shop) == []


async def test_a_wrong_amount_that_really_came_goes_back(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    wrong = shop.alipay.pay(payment.payment_id, amount=PRICE + 5)
    told = wrong.model_copy(update={"amount": 7})
    notice = await keep(shop, intent.order_id, told, verdict=Verdict.WRONG_AMOUNT)

    assert await shop.relay().relay(notice) is RelayOutcome.SIGNALLED
    assert (await handle.result()).status is OrderStatus.TIMED_OUT
    await shop.client.get_workflow_handle(f"refund-alipay-{wrong.trade_no}").result()

    assert shop.alipay.refunded == {f"RA{wrong.trade_no}": PRICE + 5}


async def test_a_wrong_amount_of_money_that_never_came_moves_nothing(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    forged = _receipt(payment.payment_id)
    notice = await keep(shop, intent.order_id, forged, verdict=Verdict.WRONG_AMOUNT)
    await _raise_wrong_amount(shop, notice)

    assert await shop.relay().relay(notice) is RelayOutcome.UNCONFIRMED

    assert await handled_as(shop, notice) == "unconfirmed"
    assert await attention(shop) == [AttentionKind.SURPLUS_MONEY]
    assert (await handle.result()).status is OrderStatus.TIMED_OUT


async def test_a_wrong_amount_waits_while_its_provider_is_away(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    notice = await keep(
        shop, intent.order_id, _receipt(payment.payment_id), verdict=Verdict.WRONG_AMOUNT
    )
    shop.alipay.away = True

    try:
        await shop.relay().relay(notice)
    except TryLater:
        assert await handled_as(shop, notice) is None
    else:
        raise AssertionError("nobody was asked")
    shop.alipay.away = False
    await handle.terminate()


async def test_news_of_a_refund_reaches_the_refund(shop: Shop) -> None:
    shop.alipay.takes_refunds_on = True
    order = await a_paid_order(shop)
    handle = await start_refund(shop, order.intent.order_id)
    refund = await handle.execute_update(RefundWorkflow.opened)
    news = RefundReport(
        refund_id=refund.refund_id,
        payment_id=order.receipt.payment_id,
        amount=PRICE,
        succeeded=True,
    )
    notice = await keep(shop, order.intent.order_id, refund=news)

    assert await shop.relay().relay(notice) is RelayOutcome.SIGNALLED
    assert (await handle.result()).status is RefundStatus.DONE

    assert await handled_as(shop, notice) == "signalled"
    again = await keep(shop, order.intent.order_id, refund=news, notice_id="n-2")
    assert await shop.relay().relay(again) is RelayOutcome.DUPLICATE


async def test_a_refund_nobody_asked_for_needs_a_person(shop: Shop) -> None:
    order = await a_paid_order(shop)
    news = RefundReport(
        refund_id="RA-console",
        payment_id=order.receipt.payment_id,
        amount=PRICE,
        succeeded=True,
    )
    notice = await keep(shop, order.intent.order_id, refund=news)

    assert await shop.relay().relay(notice) is RelayOutcome.UNMATCHED
    assert await attention(shop) == [AttentionKind.UNMATCHED_NOTICE]
    assert await handled_as(shop, notice) == "unmatched"


def _receipt(payment_id: str) -> Receipt:
    return Receipt(
        method=PaymentMethod.ALIPAY,
        payment_id=payment_id,
        trade_no="T-forged",
        amount=1,
        paid_at=datetime.now(UTC),
    )


async def _raise_wrong_amount(shop: Shop, notice: Notice) -> None:
    async with shop.database.transaction() as connection:
        await Attentions(connection).raise_(
            AttentionKind.SURPLUS_MONEY, notice.notice_id, what="wrong amount", advice="wait"
        )


def told_of_nothing(notice_id: str = "n-1") -> Notice:
    """A notice that is kept, and names an order."""
    return Notice(
        notice_id=notice_id,
        method=PaymentMethod.ALIPAY,
        provider_notice_id=notice_id,
        kind=NoticeKind.PAYMENT,
        verdict=Verdict.ACCEPTED,
        payment_id="O1A1",
        order_id="O1",
        receipt=_receipt("O1A1"),
        received_at=datetime.now(UTC),
        handled_at=None,
        handled_as=None,
    )


async def test_who_waits_for_the_answer_does_not_wait_for_a_client_that_never_connects(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PROMPTLY_SECONDS", 0.2)
    silent = NoticeRelay(database, WorkflowsDouble(hangs=True), {})

    with pytest.raises(TimeoutError):
        await silent.relay_promptly(told_of_nothing())


async def test_a_temporal_that_is_away_in_the_background_harms_nobody(
    database: Database,
) -> None:
    away = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
    failing = NoticeRelay(database, WorkflowsDouble(away=away), {})

    failing.relay_in_background(told_of_nothing())
    await failing.aclose()

    with pytest.raises(RPCError):
        await failing.relay(told_of_nothing())


async def test_what_names_no_order_is_for_nobody(database: Database) -> None:
    nobodys = told_of_nothing().model_copy(update={"order_id": None})
    workflows = WorkflowsDouble()

    outcome = await NoticeRelay(database, workflows, {}).relay(nobodys)

    assert outcome is RelayOutcome.UNMATCHED
    assert workflows.told == []


async def test_money_for_an_order_in_hand_that_does_not_run_starts_its_workflow(
    database: Database,
) -> None:
    payment = await begin(database, a_payment(await place(database, await open_item(database))))
    receipt = _receipt(payment.payment_id).model_copy(update={"amount": payment.amount})
    workflows = WorkflowsDouble()
    waiting = NoticeRelay(database, workflows, {})

    assert await waiting.tell_of_money(payment.order_id, receipt) is RelayOutcome.SIGNALLED
    assert workflows.refunds == []
    # As its gate accepted it, so that the run finds what its steps have done.
    (started,) = workflows.started
    assert (started.order_id, started.accepted_at_ms > 0) == (payment.order_id, True)

    assert await waiting.tell_of_money(payment.order_id, receipt) is RelayOutcome.SIGNALLED
    assert len(workflows.started) == 1


async def test_money_nobody_can_take_and_nobody_waits_for_needs_a_person(
    database: Database,
) -> None:
    payment = await begin(database, a_payment(await place(database, await open_item(database))))
    receipt = _receipt("somebody-elses")
    workflows = WorkflowsDouble()

    relayed = NoticeRelay(database, workflows, {}).tell_of_money(payment.order_id, receipt)

    assert await relayed is RelayOutcome.UNMATCHED
    assert (workflows.refunds, workflows.started) == ([], [])
