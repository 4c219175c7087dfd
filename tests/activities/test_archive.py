"""What is over for long goes out of the way, however much of it there is."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from temporalio.testing import ActivityEnvironment

from activities import archive
from activities.archive import ArchiveActivities, Archived, ArchiveOld
from domain.delivery import DeliveryKind
from domain.draw import CommittedSeed, commitment_of, draw
from domain.notice import REFUSED, NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from domain.states import DeliveryStatus, OrderStatus
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.rooms import Rooms, keep_tickets
from infra.postgres.tables.deliveries import archived_deliveries
from tests.support.ledger import open_item
from tests.support.room_tickets import joined, ticket
from tests.support.values import an_order

ORDERS = 3


async def _over(database: Database) -> None:
    """Fulfilled orders, a notice that was acted on, and a room that was drawn."""
    item = await open_item(database)
    async with database.transaction() as connection:
        for _ in range(ORDERS):
            order = an_order(item, status=OrderStatus.PAID)
            await Orders(connection).insert(order)
            await Deliveries(connection).owe(order.order_id, DeliveryKind)
            for kind in DeliveryKind:
                await Deliveries(connection).change_status(
                    order.order_id, kind, {DeliveryStatus.PENDING}, DeliveryStatus.DONE
                )
            await Orders(connection).change_status(
                order.order_id, OrderStatus.PAID, OrderStatus.FULFILLED
            )
        notice = VerifiedNotice(
            provider_notice_id="N1", kind=NoticeKind.PAYMENT, verdict=Verdict.ACCEPTED
        )
        await Notices(connection).keep("hash", PaymentMethod.ALIPAY, notice, None, b"told", {})
        await Notices(connection).mark_handled("hash", "received")
        await Rooms(connection).keep(item.ref, 3, 0)
        seed = CommittedSeed(seed=b"", commitment=commitment_of(b""))
        await Rooms(connection).fix_draw(item.ref, draw(seed, []))
        await connection.execute(text("UPDATE sale_items SET retired_at = now()"))
    async with database.driver() as driver, driver.transaction():
        tickets = [joined(ticket(f"buyer {index}", index)) for index in range(3)]
        assert await keep_tickets(driver, item.ref, tickets) == []


async def test_all_that_is_old_is_archived_batch_by_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BATCH", 2)
    await _over(database)
    environment, activities = ActivityEnvironment(), ArchiveActivities(database)
    heartbeats: list[object] = []
    environment.on_heartbeat = lambda *details: heartbeats.append(details)
    tomorrow, yesterday = (
        ArchiveOld(older_than=datetime.now(UTC) + timedelta(days=days)) for days in (1, -1)
    )

    assert await environment.run(activities.archive_old, yesterday) == Archived()
    all_of_it = Archived(deliveries=ORDERS * len(DeliveryKind), notices=1, tickets=3, draws=1)
    assert await environment.run(activities.archive_old, tomorrow) == all_of_it
    assert await environment.run(activities.archive_old, tomorrow) == Archived()

    assert heartbeats[11:16] == [(2,), (4,), (6,), (8,), (9,)]
    async with database.transaction() as connection:
        query = select(func.count()).select_from(archived_deliveries)
        assert (await connection.execute(query)).scalar_one() == all_of_it.deliveries


async def test_what_nobody_will_act_on_is_forgotten_and_what_is_not_explained_keeps_no_bytes(
    database: Database,
) -> None:
    for verdict in (*REFUSED, Verdict.UNKNOWN_PAYMENT, Verdict.ACCEPTED):
        notice = VerifiedNotice(
            provider_notice_id="n", kind=NoticeKind.PAYMENT, verdict=verdict, payment_id="P1"
        )
        async with database.transaction() as connection:
            await Notices(connection).keep(
                verdict, PaymentMethod.ALIPAY, notice, None, b"x" * 64_000, {}
            )
    environment, activities = ActivityEnvironment(), ArchiveActivities(database)
    tomorrow = ArchiveOld(older_than=datetime.now(UTC) + timedelta(days=1))

    archived = await environment.run(activities.archive_old, tomorrow)

    assert archived == Archived(notices=1, refused=len(REFUSED))
    async with database.transaction() as connection:
        notices = Notices(connection)
        left = {notice.verdict for notice in (await notices.page(None, 100))[0]}
        unexplained, waiting = await notices.raw("unknown_payment"), await notices.raw("accepted")
    assert left == {Verdict.UNKNOWN_PAYMENT, Verdict.ACCEPTED}
    assert (unexplained and unexplained.body, waiting and len(waiting.body)) == (b"", 64_000)


async def test_a_part_that_fails_keeps_no_other_from_being_archived(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _over(database)

    async def fail(*arguments: object) -> int:
        raise LookupError("a row that cannot be moved")

    monkeypatch.setattr(Deliveries, "archive", fail)
    tomorrow = ArchiveOld(older_than=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(LookupError):
        await ActivityEnvironment().run(ArchiveActivities(database).archive_old, tomorrow)

    async with database.transaction() as connection:
        raw = await Notices(connection).raw("hash")
    assert raw is not None
    assert raw.body == b""
