"""Upkeep tells again of notices that nobody has acted on."""

from datetime import timedelta

import pytest

from activities.notices import Relayed
from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from domain.states import OrderStatus
from infra.postgres.notices import Notices
from tests.support.shop import Shop
from workflows.upkeep import UPKEEP_ID, UpkeepWorkflow


async def test_a_kept_notice_reaches_its_order_with_the_next_round(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.notices.OLD_ENOUGH", timedelta())
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    told = VerifiedNotice(
        provider_notice_id="n-1",
        kind=NoticeKind.PAYMENT,
        verdict=Verdict.ACCEPTED,
        payment_id=payment.payment_id,
        receipt=shop.alipay.pay(payment.payment_id),
    )
    async with shop.database.transaction() as connection:
        await Notices(connection).keep(
            "n-1", PaymentMethod.ALIPAY, told, payment.order_id, b"{}", {}
        )

    first, second = [await _one_round(shop, number) for number in (1, 2)]

    assert first == Relayed(signalled=1)
    assert (await handle.result()).status is OrderStatus.FULFILLED
    # It may still be on its way to the order, and then is told twice: that pays once.
    assert second in (Relayed(), first)
    assert await shop.counts() == (4, 0, 1, 4)


async def _one_round(shop: Shop, number: int) -> Relayed:
    return await shop.client.execute_workflow(
        UpkeepWorkflow.run, id=f"{UPKEEP_ID}-{number}", task_queue=shop.settings.task_queue
    )
