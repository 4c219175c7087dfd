"""What is over for long goes into the archive, and is still found there."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.attention import AttentionKind
from domain.audit import AuditReport, Check
from domain.bill import BillLine, UnreadRow
from domain.order import EventKind
from domain.payment import FlowKind, PaymentMethod
from domain.states import OrderStatus
from infra.postgres.archive import Archive
from infra.postgres.attentions import Attentions
from infra.postgres.audits import Audits
from infra.postgres.bills import Bills
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.ledger import open_item
from tests.support.values import an_order

NOW = datetime.now(UTC)
TOMORROW, YESTERDAY = NOW + timedelta(days=1), NOW - timedelta(days=1)


async def count(connection: AsyncConnection, query: str) -> int:
    return int((await connection.execute(text(query))).scalar_one())


async def test_what_happened_to_an_order_that_ended_long_ago_is_told_from_the_archive(
    database: Database,
) -> None:
    item = await open_item(database)
    ended, waiting = an_order(item, status=OrderStatus.PAID), an_order(item)
    async with database.transaction() as connection:
        orders = Orders(connection)
        for order in (ended, waiting):
            await orders.insert(order)
            await orders.record(order.order_id, EventKind.PLACED, "system")
        await orders.change_status(ended.order_id, OrderStatus.PAID, OrderStatus.FULFILLED)
        await orders.record(ended.order_id, EventKind.PAID, "system", "in time")
        told = {order.order_id: await orders.events(order.order_id) for order in (ended, waiting)}

    async with database.transaction() as connection:
        archive = Archive(connection)
        assert await archive.order_events(YESTERDAY, 10) == 0
        assert [await archive.order_events(TOMORROW, 1) for _ in range(3)] == [1, 1, 0]

    async with database.transaction() as connection:
        orders = Orders(connection)
        assert await count(connection, "SELECT count(*) FROM order_events") == 1
        for order_id, events in told.items():
            assert await orders.events(order_id) == events
        # It is given back after all: the new event comes after those of the archive.
        await orders.record(ended.order_id, EventKind.CANCELLED, "operator:olga")
        later = [event.event for event in await orders.events(ended.order_id)]
        assert later == [EventKind.PLACED, EventKind.PAID, EventKind.CANCELLED]


async def test_old_messages_leave_the_outbox(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO messages (order_id, topic, user_id, body, sent_at) VALUES"
                " ('A', 'paid', 'ada', '{}', now() - interval '3 days'),"
                " ('B', 'paid', 'bob', '{}', now())"
            )
        )
        assert await Archive(connection).messages(YESTERDAY, 10) == 1
        left = "SELECT count(*) FROM messages WHERE order_id = 'B'"
        gone = "SELECT count(*) FROM archived_messages WHERE order_id = 'A'"
        assert (await count(connection, left), await count(connection, gone)) == (1, 1)


async def test_old_reports_of_audits_go_and_the_last_sound_one_stays(database: Database) -> None:
    def report(name: str, age: int, ok: bool) -> AuditReport:
        at = NOW - timedelta(days=age)
        check = Check(code="A1", ok=ok, detail="")
        return AuditReport(audit_id=name, started_at=at, finished_at=at, checks=(check,))

    async with database.transaction() as connection:
        audits = Audits(connection)
        for name, age, ok in (("a", 9, True), ("b", 8, True), ("c", 7, False), ("d", 0, False)):
            await audits.save(report(name, age, ok))
        sound = await audits.last_sound()

        assert await Archive(connection).forget_audits(YESTERDAY, 10) == 2

        kept, _ = await audits.page(None, 10)
        assert [one.audit_id for one in kept] == ["d", "b"]
        assert await audits.last_sound() == sound


async def test_old_attentions_leave_the_list_and_are_not_raised_again(database: Database) -> None:
    kind = AttentionKind.SURPLUS_MONEY
    async with database.transaction() as connection:
        attentions = Attentions(connection)
        for subject in ("closed", "open"):
            await attentions.raise_(kind, subject, what="", advice="")
        await attentions.resolve(kind, "closed", "operator:olga", "given back")

        assert await Archive(connection).attentions(YESTERDAY, 10) == 0
        assert await Archive(connection).attentions(TOMORROW, 10) == 1

        listed, _ = await attentions.page(None, 10)
        assert [row.subject for row in listed] == ["open"]
        assert await attentions.is_seen_to(kind, "closed")
        assert not await attentions.raise_once(kind, "closed", what="", advice="")


async def test_lines_of_bills_go_when_nobody_compares_their_day_any_more(
    database: Database,
) -> None:
    day, method = date(2026, 3, 2), PaymentMethod.ALIPAY
    line = BillLine(
        kind=FlowKind.RECEIVED, payment_id="P", trade_no="T", refund_id=None, amount=1, at=NOW
    )
    async with database.transaction() as connection:
        bills, archive = Bills(connection), Archive(connection)
        await bills.keep(method, day, [line])
        await bills.keep_unread(method, day, [UnreadRow(reference="row 1")])

        assert await archive.bill_lines(day, 10) == await archive.unread_bill_rows(day, 10) == 0
        later = day + timedelta(days=1)
        assert await archive.bill_lines(later, 10) == 1
        assert await archive.unread_bill_rows(later, 10) == 1

        assert await bills.compared(method, day) == []
        assert await bills.unread(method, day) == []
        assert await count(connection, "SELECT count(*) FROM archived_bill_lines") == 1
