"""Notices nobody has acted on are relayed in each round; one that cannot be keeps no other back."""

from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.notices import Relayed
from domain.attention import AttentionKind
from domain.gateway_errors import TryLater
from domain.notice import Notice, NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from infra.postgres.notices import Notices
from notices.relay import NoticeRelay
from tests.support.kept_notices import attention, begun
from tests.support.shop import Shop


@pytest.fixture
def shop(shop_without_worker: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("activities.notices.OLD_ENOUGH", timedelta())
    return shop_without_worker


async def _keep(
    shop: Shop, name: str, payment_id: str, verdict: Verdict = Verdict.ACCEPTED
) -> None:
    told = VerifiedNotice(
        provider_notice_id=name, kind=NoticeKind.PAYMENT, verdict=verdict, payment_id=payment_id
    )
    async with shop.database.transaction() as connection:
        await Notices(connection).keep(name, PaymentMethod.ALIPAY, told, None, b"{}", {})


async def _one_round(shop: Shop) -> Relayed:
    (relay,) = (step for step in shop.activities().general if step.__name__ == "relay_notices")
    relayed: Relayed = await ActivityEnvironment().run(relay)
    return relayed


async def test_with_nothing_to_tell_nobody_is_told(shop: Shop) -> None:
    assert await _one_round(shop) == Relayed()


async def test_what_is_not_authentic_is_told_nobody(shop: Shop) -> None:
    await _keep(shop, "forged", "P1", Verdict.BAD_SIGNATURE)

    assert await _one_round(shop) == Relayed()


async def test_a_notice_of_no_order_of_ours_is_left_to_a_person_for_good(shop: Shop) -> None:
    await _keep(shop, "foreign", "P1")

    assert await _one_round(shop) == Relayed(without_order=1)
    assert await _one_round(shop) == Relayed()
    assert await attention(shop) == [(AttentionKind.UNMATCHED_NOTICE, None)]


async def test_one_whose_provider_does_not_answer_waits_and_the_others_do_not(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = NoticeRelay.relay

    async def relay_unless_away(self: NoticeRelay, notice: Notice) -> object:
        if notice.notice_id == "waits":
            raise TryLater("alipay is not answering")
        return await relay(self, notice)

    monkeypatch.setattr(NoticeRelay, "relay", relay_unless_away)
    payment = await begun(shop)
    await _keep(shop, "waits", payment.payment_id)
    await _keep(shop, "foreign", "P1")

    assert await _one_round(shop) == Relayed(without_order=1, later=1)
