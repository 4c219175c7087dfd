"""Notices are judged by who knows the payment, kept as they came, and told on once."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from domain.attention import AttentionKind
from domain.notice import NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import Payment, PaymentMethod, Receipt
from infra.gateways.protocol import RawNotice
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from notices.inbox import NoticeInbox
from notices.relay import NoticeRelay
from tests.support.gateway_double import GatewayDouble
from tests.support.ledger import begin, open_item, place, settle
from tests.support.values import PRICE, a_payment
from tests.support.workflows_double import WorkflowsDouble

ALIPAY = PaymentMethod.ALIPAY
RAW = RawNotice(b"as it came", {"content-type": "text/plain", "cookie": "a secret"})


class Verifier(GatewayDouble):
    """Finds in every notice what it is told to find."""

    found: VerifiedNotice

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return self.found


class Receiver:
    """An inbox between a provider and workflows that are in memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.provider = Verifier()
        self.workflows = WorkflowsDouble()
        gateways = {ALIPAY: self.provider}
        self.relay = NoticeRelay(database, self.workflows, gateways)
        self.inbox = NoticeInbox(database, gateways, self.relay)

    async def attentions(self) -> list[AttentionKind]:
        async with self.database.transaction() as connection:
            rows, _ = await Attentions(connection).open_(None, 100)
        return [row.kind for row in rows]

    async def handled_as(self, notice_id: str) -> str | None:
        async with self.database.transaction() as connection:
            notice = await Notices(connection).get(notice_id)
        assert notice is not None
        return notice.handled_as


@pytest.fixture
def receiver(database: Database) -> Receiver:
    return Receiver(database)


@pytest.fixture
async def payment(database: Database) -> Payment:
    order = await place(database, await open_item(database))
    return await begin(database, a_payment(order))


def paid(
    payment_id: str, amount: int = PRICE, verdict: Verdict = Verdict.ACCEPTED
) -> VerifiedNotice:
    receipt = Receipt(
        method=ALIPAY,
        payment_id=payment_id,
        trade_no=f"T{payment_id}",
        amount=amount,
        paid_at=datetime.now(UTC),
    )
    return VerifiedNotice(
        provider_notice_id="n-1",
        kind=NoticeKind.PAYMENT,
        verdict=verdict,
        payment_id=payment_id,
        receipt=receipt,
    )


async def test_a_notice_of_our_payment_is_kept_and_must_be_told(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.provider.found = paid(payment.payment_id)

    judged = await receiver.inbox.judge(ALIPAY, RAW)

    assert (judged.verdict, judged.must_be_told) == (Verdict.ACCEPTED, True)
    assert judged.kept.order_id == payment.order_id
    async with receiver.database.transaction() as connection:
        raw = await Notices(connection).raw(judged.kept.notice_id)
    assert raw is not None
    assert raw.body == RAW.body
    # Headers of proxies may be nobody else's business.
    assert dict(raw.headers) == {"content-type": "text/plain"}


async def test_a_payment_nobody_began_is_unknown_and_told_to_nobody(receiver: Receiver) -> None:
    receiver.provider.found = paid("somebody-elses")

    judged = await receiver.inbox.judge(ALIPAY, RAW)

    assert (judged.verdict, judged.must_be_told) == (Verdict.UNKNOWN_PAYMENT, False)
    assert judged.kept.order_id is None


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

    judged = await receiver.inbox.judge(ALIPAY, RAW)

    assert (judged.verdict, judged.must_be_told) == (verdict, False)
    assert judged.kept.order_id is None


async def test_another_amount_raises_attention_and_is_told_so_that_the_provider_is_asked(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.provider.found = paid(payment.payment_id, amount=1)

    judged = await receiver.inbox.judge(ALIPAY, RAW)

    assert (judged.verdict, judged.must_be_told) == (Verdict.WRONG_AMOUNT, True)
    assert await receiver.attentions() == [AttentionKind.SURPLUS_MONEY]


async def test_money_that_is_settled_and_mentioned_again_is_a_duplicate(
    receiver: Receiver, payment: Payment
) -> None:
    assert await settle(receiver.database, payment)
    receiver.provider.found = paid(payment.payment_id)

    judged = await receiver.inbox.judge(ALIPAY, RAW)

    assert (judged.verdict, judged.must_be_told) == (Verdict.ACCEPTED, False)
    assert await receiver.handled_as(judged.kept.notice_id) == "duplicate"


async def test_the_same_bytes_are_one_notice_however_they_were_judged_before(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.provider.found = paid(payment.payment_id, verdict=Verdict.BAD_SIGNATURE)
    forged = await receiver.inbox.judge(ALIPAY, RAW)
    receiver.provider.found = paid(payment.payment_id)

    genuine = await receiver.inbox.judge(ALIPAY, RAW)

    assert genuine.kept.notice_id == forged.kept.notice_id
    assert (genuine.kept.verdict, genuine.must_be_told) == (Verdict.ACCEPTED, True)


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

    async with asyncio.timeout(5):
        assert await receiver.inbox.receive(ALIPAY, RAW) is Verdict.ACCEPTED

    begun = time.monotonic()
    await receiver.relay.aclose()
    assert time.monotonic() - begun < 5


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
