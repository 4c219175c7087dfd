"""What the inbox keeps of what nobody will act on, and how often it tells and calls."""

import pytest

from domain.attention import AttentionKind
from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.payment import Payment
from infra.gateways.protocol import RawNotice
from infra.postgres.attentions import Attentions
from tests.support.notice_receiver import ALIPAY, RAW, Receiver, paid


async def test_of_what_is_refused_a_part_is_kept_and_of_the_same_bytes_believed_all(
    receiver: Receiver, payment: Payment
) -> None:
    long = RawNotice(b"x" * 64_000, {"user-agent": "y" * 60_000})
    receiver.provider.found = paid(payment.payment_id, verdict=Verdict.BAD_SIGNATURE)
    forged = (await receiver.inbox.judge(ALIPAY, long)).kept
    assert forged is not None
    body, headers = await receiver.raw(forged.notice_id)
    assert (len(body), [len(value) for value in headers.values()]) == (4096, [1024])

    receiver.provider.found = paid(payment.payment_id)
    genuine = (await receiver.inbox.judge(ALIPAY, long)).kept

    assert genuine is not None
    assert genuine.notice_id == forged.notice_id
    assert await receiver.raw(genuine.notice_id) == (long.body, long.headers)


async def test_few_refused_ones_are_kept_in_a_minute_and_all_that_are_ours(
    receiver: Receiver, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.postgres.refused_notices.KEPT_PER_MINUTE", 2)
    receiver.provider.found = VerifiedNotice(
        provider_notice_id="", kind=NoticeKind.OTHER, verdict=Verdict.BAD_SIGNATURE
    )
    forged = [
        await receiver.inbox.judge(ALIPAY, RawNotice(b"%d" % number, {})) for number in range(4)
    ]

    assert {judged.verdict for judged in forged} == {Verdict.BAD_SIGNATURE}
    assert [judged.kept is not None for judged in forged] == [True, True, False, False]
    receiver.provider.found = paid(payment.payment_id)
    judged, _ = await receiver.judged()
    assert judged.must_be_told


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [(NoticeKind.PAYMENT, Verdict.NOT_PAID), (NoticeKind.OTHER, Verdict.ACCEPTED)],
)
async def test_what_tells_of_no_money_is_done_with_once_it_is_kept(
    receiver: Receiver, payment: Payment, kind: NoticeKind, verdict: Verdict
) -> None:
    receiver.provider.found = VerifiedNotice(
        provider_notice_id="n", kind=kind, verdict=verdict, payment_id=payment.payment_id
    )

    judged, kept = await receiver.judged()

    assert not judged.must_be_told
    assert await receiver.handled_as(kept.notice_id) == "no_news"


async def test_another_amount_is_raised_once_and_stays_closed_when_it_is_said_again(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.provider.found = paid(payment.payment_id, amount=1)
    _, kept = await receiver.judged()
    async with receiver.database.transaction() as connection:
        await Attentions(connection).resolve(
            AttentionKind.SURPLUS_MONEY, kept.notice_id, "operator:olga", "it never came"
        )

    judged, _ = await receiver.judged()

    assert judged.must_be_told
    assert await receiver.attentions() == []


async def test_what_was_told_is_not_told_again_however_often_its_bytes_are_sent(
    receiver: Receiver, payment: Payment
) -> None:
    receiver.workflows.running.add(f"order-{payment.order_id}")
    receiver.provider.found = paid(payment.payment_id)

    for _ in range(5):
        await receiver.inbox.receive(ALIPAY, RAW)
        await receiver.relay.aclose()

    assert len(receiver.workflows.told) == 1
