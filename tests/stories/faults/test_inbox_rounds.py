"""The inbox's rounds, over real stores: no notice keeps another waiting, what a person closed stays
closed, and a workflow is not told without end."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.notices import Relayed
from api.attentions import AttentionDecisions
from domain.attention import Attention, AttentionKind
from domain.notice import LEFT_TO_A_PERSON, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import PaymentMethod, Receipt
from domain.reservation import Intent
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.notice_queue import NoticeQueue
from infra.postgres.notices import Notices
from notices.relay import TELLINGS_BEFORE_A_PERSON
from tests.support.kept_notices import begun, kept
from tests.support.ledger import damage
from tests.support.polling import until
from tests.support.shop import Shop
from workflow_client import WorkflowClient
from workflows.order import OrderWorkflow
from workflows.updates import OrderOutcome

UNMATCHED = 250
Handle = WorkflowHandle[OrderWorkflow, OrderOutcome]


@pytest.fixture
def shop(shop_without_worker: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("activities.notices.OLD_ENOUGH", timedelta())
    return shop_without_worker


async def keep(
    shop: Shop, name: str, order_id: str, what: Receipt | RefundReport, age: str = "0 s"
) -> None:
    is_receipt = isinstance(what, Receipt)
    told = VerifiedNotice(
        provider_notice_id=name,
        kind=NoticeKind.PAYMENT if is_receipt else NoticeKind.REFUND,
        verdict=Verdict.ACCEPTED,
        payment_id=what.payment_id,
        receipt=what if is_receipt else None,
        refund=None if is_receipt else what,
    )
    async with shop.database.transaction() as connection:
        await Notices(connection).keep(name, PaymentMethod.ALIPAY, told, order_id, b"{}", {})
    await damage(
        shop.database,
        "UPDATE payment_notices SET received_at = received_at - CAST(:age AS text)::interval,"
        " due_at = due_at - CAST(:age AS text)::interval WHERE notice_id = :name",
        age=age,
        name=name,
    )


async def rounds(shop: Shop, count: int = 1) -> Sequence[Relayed]:
    (relay,) = (step for step in shop.activities().general if step.__name__ == "relay_notices")
    return [await ActivityEnvironment().run(relay) for _ in range(count)]


async def all_are_due(shop: Shop) -> None:
    """Much time goes by."""
    await damage(shop.database, "UPDATE payment_notices SET due_at = received_at")


async def attentions(shop: Shop) -> list[Attention]:
    async with shop.database.transaction() as connection:
        return (await Attentions(connection).open_(None, 1000))[0]


async def a_paid_order_that_heard_nothing(shop: Shop) -> tuple[Handle, Receipt]:
    async with shop.worker():
        handle = await shop.start(await shop.intent())
        payment = await shop.begin_payment(handle)
    return handle, shop.alipay.pay(payment.payment_id)


async def test_money_is_told_in_the_first_round_however_many_unmatched_notices_came_before(
    shop: Shop,
) -> None:
    stranger = await begun(shop)
    for number in range(UNMATCHED):
        by_hand = RefundReport(
            refund_id=f"console-{number}",
            payment_id=stranger.payment_id,
            amount=1,
            succeeded=True,
        )
        await keep(shop, f"console-{number}", stranger.order_id, by_hand, age="1 minute")
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    await keep(shop, "ada-paid", handle.id.removeprefix("order-"), receipt)

    (relayed,) = await rounds(shop)

    assert relayed == Relayed(signalled=1, without_order=UNMATCHED)
    async with shop.worker():
        assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await rounds(shop) == [Relayed()]
    assert len(await attentions(shop)) == UNMATCHED


async def test_what_a_person_has_closed_stays_closed(shop: Shop, redis: Redis) -> None:
    payment = await begun(shop)
    by_hand = RefundReport(
        refund_id="by-hand", payment_id=payment.payment_id, amount=1, succeeded=True
    )
    await keep(shop, "n", payment.order_id, by_hand)
    await rounds(shop)
    (case,) = await attentions(shop)
    assert case.kind is AttentionKind.UNMATCHED_NOTICE

    decisions = AttentionDecisions(shop.database, redis, shop.gate)
    await decisions.resolve(case.attention_id, "operator:olga", "I made this refund by hand")

    await all_are_due(shop)
    assert await rounds(shop, 3) == [Relayed()] * 3
    assert await attentions(shop) == []


async def test_closing_the_attention_ends_a_notice_that_is_still_being_told(
    shop: Shop, redis: Redis
) -> None:
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    await keep(shop, "n", handle.id.removeprefix("order-"), receipt)
    for _ in range(TELLINGS_BEFORE_A_PERSON):
        assert await attentions(shop) == []
        await rounds(shop)
        await all_are_due(shop)
    (case,) = await attentions(shop)
    assert "told 4 times" in case.what

    decisions = AttentionDecisions(shop.database, redis, shop.gate)
    await decisions.resolve(case.attention_id, "operator:olga", "given back by hand")

    assert await rounds(shop) == [Relayed()]
    assert [notice.handled_as for notice in await kept(shop)] == ["unmatched"]
    await handle.terminate()


async def test_a_workflow_that_does_not_act_is_not_signalled_in_every_round(shop: Shop) -> None:
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    await keep(shop, "n", handle.id.removeprefix("order-"), receipt)
    before = (await handle.describe()).history_length

    relayed = await rounds(shop, 30)

    assert relayed == [Relayed(signalled=1)] + [Relayed()] * 29
    # One signal, and the workflow task that nobody serves.
    assert (await handle.describe()).history_length <= before + 2
    async with shop.worker():
        assert (await handle.result()).status is OrderStatus.FULFILLED


async def test_of_money_told_twice_the_second_notice_is_done_with_the_first(shop: Shop) -> None:
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    for name in ("first", "second"):
        await keep(shop, name, handle.id.removeprefix("order-"), receipt)
    assert await rounds(shop) == [Relayed(signalled=2)]
    # Nobody acted on it yet.
    await rounds(shop)
    assert [notice.handled_as for notice in await kept(shop)] == [None, None]

    async with shop.worker():
        await handle.result()
    await rounds(shop)

    assert sorted(notice.handled_as or "" for notice in await kept(shop)) == [
        "duplicate",
        "received",
    ]


async def test_the_attention_closes_by_itself_once_the_money_is_taken(shop: Shop) -> None:
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    await keep(shop, "n", handle.id.removeprefix("order-"), receipt)
    for _ in range(TELLINGS_BEFORE_A_PERSON):
        await rounds(shop)
        await all_are_due(shop)
    assert len(await attentions(shop)) == 1
    told = [event.event_type for event in (await handle.fetch_history()).events]
    assert told.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == TELLINGS_BEFORE_A_PERSON

    async with shop.worker():
        await handle.result()
    await rounds(shop)

    assert await attentions(shop) == []


async def test_what_was_left_to_a_person_is_told_once_its_order_goes_on(shop: Shop) -> None:
    """The order's workflow was lost; a repair brings it back and has its notices told again."""
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    order_id = handle.id.removeprefix("order-")
    await keep(shop, "n", order_id, receipt)
    async with shop.database.transaction() as connection:
        assert await Notices(connection).mark_handled("n", LEFT_TO_A_PERSON)
    await handle.terminate()
    assert await rounds(shop) == [Relayed()]

    async with shop.worker():
        await shop.workflows.start_order_again(shop.intent_for(order_id, "ada"))
        async with shop.database.transaction() as connection:
            assert await NoticeQueue(connection).reopen_of_order(order_id)
        assert await rounds(shop) == [Relayed(signalled=1)]
        await until(lambda: _is_fulfilled(shop, order_id))
    await rounds(shop)

    assert await attentions(shop) == []
    assert [notice.handled_as for notice in await kept(shop)] == ["received"]


async def test_a_lost_workflow_is_begun_anew_by_the_notice_of_its_order(shop: Shop) -> None:
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    order_id = handle.id.removeprefix("order-")
    await keep(shop, "n", order_id, receipt)
    await handle.terminate()

    assert await rounds(shop) == [Relayed(signalled=1)]
    # Before any workflow acts on it.
    assert (await shop.dossier(order_id)).order.status is OrderStatus.PAID

    async with shop.worker():
        await until(lambda: _is_fulfilled(shop, order_id))
    await all_are_due(shop)
    await rounds(shop)
    assert {notice.handled_as for notice in await kept(shop)} <= {"received", "duplicate"}
    assert await attentions(shop) == []


async def test_one_workflow_that_cannot_take_a_signal_fails_no_other_notice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned, receipt = await a_paid_order_that_heard_nothing(shop)
    await keep(shop, "poisoned", poisoned.id.removeprefix("order-"), receipt, age="1 minute")
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    await keep(shop, "good", handle.id.removeprefix("order-"), receipt)
    tell = WorkflowClient.tell_of_payment

    async def full(
        self: WorkflowClient, order_id: str, receipt: Receipt, start: Intent | None = None
    ) -> bool:
        if poisoned.id.endswith(order_id):
            raise RPCError("limit for signal events", RPCStatusCode.INVALID_ARGUMENT, b"")
        return await tell(self, order_id, receipt, start)

    monkeypatch.setattr(WorkflowClient, "tell_of_payment", full)

    assert await rounds(shop, 2) == [Relayed(signalled=1, later=1), Relayed()]
    await poisoned.terminate()
    await handle.terminate()


async def test_while_temporal_is_away_a_round_stops_and_nothing_counts_against_a_notice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.notices.BATCH", 2)
    monkeypatch.setattr("notices.telling.SILENT_SECONDS", 60.0)
    handle, receipt = await a_paid_order_that_heard_nothing(shop)
    order_id = handle.id.removeprefix("order-")
    for number in range(5):
        await keep(shop, f"n-{number}", order_id, receipt)
    tell, asked = WorkflowClient.tell_of_payment, []

    async def away(
        self: WorkflowClient, order_id: str, receipt: Receipt, start: Intent | None = None
    ) -> bool:
        asked.append(order_id)
        raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(WorkflowClient, "tell_of_payment", away)
    assert await rounds(shop) == [Relayed(later=2)]
    # Nor the second of the batch, once the first has found nobody.
    assert len(asked) == 1
    assert {notice.tries for notice in await kept(shop)} == {0}

    monkeypatch.setattr(WorkflowClient, "tell_of_payment", tell)
    assert await rounds(shop) == [Relayed(signalled=5)]
    await handle.terminate()


async def _is_fulfilled(shop: Shop, order_id: str) -> bool:
    return (await shop.dossier(order_id)).order.status is OrderStatus.FULFILLED
