"""Orders of a Postgres that was put back: none is forgotten, and a person is called for money."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from audit.lost_orders import call_for_sold
from audit.repair import repair
from audit.run import run_audit
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.reservation import Reservation, ReservationState
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from tests.support.audited_orders import assert_breaks, dispatched, grown_old, has_status, paid
from tests.support.polling import until
from tests.support.postgres_copy import copy_of, put_back
from tests.support.shop import Shop


async def test_a_sold_order_without_a_row_is_placed_again_and_a_person_is_called_for_its_money(
    shop: Shop, sources: AuditSources, bookless: AuditSources
) -> None:
    copy = await copy_of(shop.database)
    intent = await paid(shop, sources, "ada")
    await put_back(shop.database, copy)
    await grown_old(sources)
    await assert_breaks(bookless, "A2 A7", intent.order_id)

    repairs = await repair(bookless)

    assert repairs.left == (intent.order_id,)
    await until(partial(has_status, shop.database, intent, OrderStatus.PENDING_PAYMENT))
    assert (await run_audit(bookless)).ok
    assert await shop.counts() == (19, 1, 0, 19)
    async with shop.database.transaction() as connection:
        ((attention,), _) = await Attentions(connection).open_(None, 10)
    assert (attention.kind, attention.order_id) == (AttentionKind.LOST_ORDER, intent.order_id)
    assert "user ada, 1 unit of teapot in sale" in attention.what
    assert intent.order_id in attention.advice


async def test_a_repair_that_was_killed_before_the_rebuild_calls_nobody_twice(
    shop: Shop, sources: AuditSources, bookless: AuditSources
) -> None:
    copy = await copy_of(shop.database)
    intent = await paid(shop, sources, "ada")
    await put_back(shop.database, copy)
    await grown_old(sources)
    lost = Reservation(
        order_id=intent.order_id,
        user_id="ada",
        quantity=1,
        state=ReservationState.SOLD,
        reserved_at_ms=1,
    )
    await call_for_sold(bookless, [(shop.item.ref, lost)])

    await repair(bookless)

    assert (await run_audit(bookless)).ok
    async with shop.database.transaction() as connection:
        assert len((await Attentions(connection).page(None, 10))[0]) == 1


async def test_an_order_that_still_runs_and_lost_its_row_is_placed_again(
    shop: Shop, sources: AuditSources
) -> None:
    copy = await copy_of(shop.database)
    intent = await dispatched(shop, sources, "ada")
    await put_back(shop.database, copy)
    await grown_old(sources)
    patient = await run_audit(sources)
    assert patient.ok, patient
    hasty = replace(sources, overdue_after=timedelta(0))
    await assert_breaks(hasty, "A2 A7", intent.order_id)

    repairs = await repair(hasty)

    assert repairs.restarted == (intent.order_id,)
    assert repairs.left == ()
    await until(partial(has_status, shop.database, intent, OrderStatus.PENDING_PAYMENT))
    assert (await run_audit(sources)).ok
    assert await shop.counts() == (19, 1, 0, 19)
