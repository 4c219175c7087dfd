"""Notices are judged by who knows the payment, kept as they came, and told on once."""

import asyncio

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.attention import AttentionKind
from domain.notice import NO_NEWS, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import Payment, Receipt
from domain.states import OrderStatus
from infra.gateways.protocol import RawNotice
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from notices import telling
from notices.relay import RelayOutcome
from tests.support.ledger import fulfil, settle
from tests.support.notice_receiver import ALIPAY, RAW, Receiver, paid
from tests.support.old_sales import an_old_sale, move
from tests.support.values import PRICE, a_receipt


async def test_a_notice_of_our_payment_is_kept_and_must_be_told(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.provider.found = paid(payment.payment_id)

    judged, kept = await receiver.judged()

    assert (judged.verdict, judged.must_be_told) == (Verdict.ACCEPTED, True)
    assert kept.order_id == payment.order_id
    async with receiver.database.transaction() as connection:
        raw = await Notices(connection).raw(kept.notice_id)
    assert raw is not None
    assert raw.body == RAW.body
    # Headers of proxies may be nobody else's business.
    assert dict(raw.headers) == {"content-type": "text/plain"}


async def test_a_payment_nobody_began_is_unknown_and_told_to_nobody(receiver: Receiver) -> None:
    receiver.provider.found = paid("somebody-elses")

    judged, kept = await receiver.judged()

    assert (judged.verdict, judged.must_be_told) == (Verdict.UNKNOWN_PAYMENT, False)
    assert kept.order_id is None


async def test_what_an_archived_order_took_is_no_news_when_it_is_mentioned_again(
    receiver: Receiver, database: Database
) -> None:
    """Alipay says so once more when a trade can no longer be given back, a year later."""
    await an_old_sale(database)
    async with database.transaction() as connection:
        (order,), _ = await Orders(connection).search(user_id="paid")
        (payment,) = await Payments(connection).of_order(order.order_id)
    await move(database)
    found = paid(payment.payment_id)
    receipt = a_receipt(payment)
    receiver.provider.found = found.model_copy(update={"receipt": receipt})

    judged, kept = await receiver.judged()

    assert (judged.verdict, judged.must_be_told) == (Verdict.ACCEPTED, False)
    assert kept.handled_at is None
    async with database.transaction() as connection:
        handled = await Notices(connection).get(kept.notice_id)
    assert handled is not None
    assert handled.handled_as == NO_NEWS
    assert await receiver.attentions() == []


async def test_money_for_a_payment_nobody_began_is_left_to_a_person_once(
    receiver: Receiver, database: Database
) -> None:
    """As after Postgres was put back: the provider hears no, and gives up one day."""
    for body in (b"as it came", b"as it came again"):
        receiver.provider.found = paid("01JD0000000001ABCDEFGHJKMNA1")
        await receiver.inbox.judge(ALIPAY, RawNotice(body, {}))
    assert await receiver.attentions() == [AttentionKind.SURPLUS_MONEY]

    async with database.transaction() as connection:
        await Attentions(connection).resolve(
            AttentionKind.SURPLUS_MONEY, "T01JD0000000001ABCDEFGHJKMNA1", "operator:olga", "done"
        )
    await receiver.inbox.judge(ALIPAY, RawNotice(b"as it came at last", {}))
    assert await receiver.attentions() == []


@pytest.mark.parametrize("kind", [NoticeKind.PAYMENT, NoticeKind.OTHER])
async def test_what_brought_no_money_is_left_to_nobody(
    receiver: Receiver, kind: NoticeKind
) -> None:
    receiver.provider.found = VerifiedNotice(
        provider_notice_id="n-1", kind=kind, verdict=Verdict.NOT_PAID, payment_id="somebody-elses"
    )
    await receiver.inbox.judge(ALIPAY, RAW)
    assert await receiver.attentions() == []


@pytest.mark.parametrize("verdict", [Verdict.BAD_SIGNATURE, Verdict.STALE, Verdict.FOREIGN_APP])
async def test_what_is_not_authentic_and_ours_may_name_no_payment(
    receiver: Receiver, payment: Payment, verdict: Verdict
) -> None:
    receiver.provider.found = paid(payment.payment_id, verdict=verdict)

    judged, kept = await receiver.judged()

    assert (judged.verdict, judged.must_be_told) == (verdict, False)
    assert kept.order_id is None


async def test_another_amount_raises_attention_and_is_told_so_that_the_provider_is_asked(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.provider.found = paid(payment.payment_id, amount=1)

    judged, _ = await receiver.judged()

    assert (judged.verdict, judged.must_be_told) == (Verdict.WRONG_AMOUNT, True)
    assert await receiver.attentions() == [AttentionKind.SURPLUS_MONEY]


async def test_money_that_is_settled_and_mentioned_again_is_a_duplicate(
    receiver: Receiver, payment: Payment
) -> None:
    assert await settle(receiver.database, payment)
    await fulfil(receiver.database, payment.order_id)
    receiver.provider.found = paid(payment.payment_id)

    judged, kept = await receiver.judged()

    assert (judged.verdict, judged.must_be_told) == (Verdict.ACCEPTED, False)
    assert await receiver.handled_as(kept.notice_id) == "duplicate"


async def test_money_that_was_settled_ahead_and_mentioned_again_is_told_until_its_order_hears(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.workflows.away = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
    receiver.provider.found = paid(payment.payment_id)
    await receiver.inbox.receive(ALIPAY, RAW)
    await receiver.relay.aclose()
    assert await receiver.order_status(payment.order_id) is OrderStatus.PAID

    # The very same bytes: of them it must not be said that nobody needs them any more.
    judged, kept = await receiver.judged()
    assert judged.must_be_told
    assert await receiver.handled_as(kept.notice_id) is None

    receiver.workflows.away = None
    await asyncio.sleep(telling.SILENT_SECONDS)
    assert await receiver.relay.relay(kept) is RelayOutcome.SIGNALLED
    assert [intent.order_id for intent in receiver.workflows.started] == [payment.order_id]


async def test_the_same_bytes_are_one_notice_however_they_were_judged_before(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.provider.found = paid(payment.payment_id, verdict=Verdict.BAD_SIGNATURE)
    _, forged = await receiver.judged()
    receiver.provider.found = paid(payment.payment_id)

    judged, genuine = await receiver.judged()

    assert genuine.notice_id == forged.notice_id
    assert (genuine.verdict, judged.must_be_told) == (Verdict.ACCEPTED, True)


async def test_a_refunds_notice_must_be_told_as_well(receiver: Receiver, payment: Payment) -> None:
    receiver.provider.found = VerifiedNotice(
        provider_notice_id="n-2",
        kind=NoticeKind.REFUND,
        verdict=Verdict.ACCEPTED,
        payment_id=payment.payment_id,
        refund=RefundReport(
            refund_id="RAT1", payment_id=payment.payment_id, amount=PRICE, succeeded=True
        ),
    )

    assert (await receiver.inbox.judge(ALIPAY, RAW)).must_be_told


async def test_receiving_does_not_wait_for_the_workflow_to_be_told(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.workflows.hangs = True
    receiver.provider.found = paid(payment.payment_id)

    # It hangs for ever: that either of these returns is what is looked at.
    async with asyncio.timeout(60):
        assert await receiver.inbox.receive(ALIPAY, RAW) is Verdict.ACCEPTED
        await receiver.relay.aclose()


async def test_what_was_received_is_told_in_the_background(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.workflows.running.add(f"order-{payment.order_id}")
    receiver.provider.found = paid(payment.payment_id)

    await receiver.inbox.receive(ALIPAY, RAW)
    await receiver.relay.aclose()

    (receipt,) = receiver.workflows.told
    assert isinstance(receipt, Receipt)
    assert receipt.notice_id is not None
