"""The inbox as a queue: what waits, when it is due, and what is over."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from domain.attention import AttentionKind
from domain.notice import Notice, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import FlowKind, PaymentMethod, Receipt
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notice_queue import NoticeQueue
from infra.postgres.notices import Notices
from infra.postgres.payments import PaymentFlows
from infra.postgres.tables.notices import payment_notices
from tests.support.query_plans import row_by_row
from tests.support.values import NOON

ALIPAY, LEASE, SOON = PaymentMethod.ALIPAY, timedelta(minutes=1), timedelta(seconds=1)
RECEIPT = Receipt(method=ALIPAY, payment_id="P1", trade_no="T1", amount=8800, paid_at=NOON)
NEWS = RefundReport(refund_id="R1", payment_id="P1", amount=8800, succeeded=True)


async def _keep(
    database: Database,
    notice_id: str,
    verdict: Verdict = Verdict.ACCEPTED,
    kind: NoticeKind = NoticeKind.PAYMENT,
) -> Notice:
    told = VerifiedNotice(
        provider_notice_id=notice_id,
        kind=kind,
        verdict=verdict,
        payment_id="P1",
        receipt=RECEIPT if kind is NoticeKind.PAYMENT else None,
        refund=NEWS if kind is NoticeKind.REFUND else None,
    )
    async with database.transaction() as connection:
        return await Notices(connection).keep(notice_id, ALIPAY, told, "O1", b"{}", {})


async def _claim(database: Database, limit: int = 100, *, after: timedelta = SOON) -> list[str]:
    """The names of what is claimed at a moment so long after now."""
    then = datetime.now(UTC) + after
    async with database.transaction() as connection:
        claimed = await NoticeQueue(connection).claim(then, then, limit, LEASE)
    return [notice.notice_id for notice in claimed]


async def _due_in(database: Database, notice_id: str) -> timedelta:
    async with database.transaction() as connection:
        query = select(payment_notices.c.due_at).where(payment_notices.c.notice_id == notice_id)
        due_at: datetime = (await connection.execute(query)).scalar_one()
    return due_at - datetime.now(UTC)


def _about(pause: timedelta, minutes: float) -> bool:
    return abs(pause - timedelta(minutes=minutes)) < timedelta(seconds=5)


async def _standing(database: Database, notice_id: str) -> Notice:
    async with database.transaction() as connection:
        notice = await Notices(connection).get(notice_id)
    assert notice is not None
    return notice


async def test_only_authentic_news_of_money_that_nobody_acted_on_waits(
    database: Database,
) -> None:
    await _keep(database, "payment")
    await _keep(database, "refund", kind=NoticeKind.REFUND)
    await _keep(database, "other", kind=NoticeKind.OTHER)
    await _keep(database, "handled")
    for verdict in set(Verdict) - {Verdict.ACCEPTED}:
        await _keep(database, verdict.value, verdict)
    async with database.transaction() as connection:
        await Notices(connection).mark_handled("handled", "received")

    assert await _claim(database, after=timedelta(minutes=-1)) == []
    assert sorted(await _claim(database)) == ["payment", "refund", "wrong_amount"]


async def test_what_is_claimed_is_nobody_elses_until_the_lease_is_over(
    database: Database,
) -> None:
    for name in ("first", "second", "third"):
        await _keep(database, name)

    assert sorted(await _claim(database, 2)) == ["first", "second"]
    assert await _claim(database, 2) == ["third"]
    assert await _claim(database, 2) == []
    # Those whose worker died come back, longest due first.
    assert sorted(await _claim(database, 2, after=2 * LEASE)) == ["first", "second"]


async def test_two_rounds_at_once_never_have_one_notice_both(database: Database) -> None:
    await _keep(database, "one")
    now = datetime.now(UTC) + LEASE
    async with database.transaction() as mine, database.transaction() as theirs:
        first = await NoticeQueue(mine).claim(now, now, 10, LEASE)
        second = await NoticeQueue(theirs).claim(now, now, 10, LEASE)

    assert (len(first), second) == (1, [])


async def test_no_plan_of_the_database_claims_more_than_the_limit(database: Database) -> None:
    for name in ("first", "second", "third", "fourth", "fifth"):
        await _keep(database, name)
    now = datetime.now(UTC) + SOON
    async with database.transaction() as connection:
        await row_by_row(connection)
        claimed = await NoticeQueue(connection).claim(now, now, 2, LEASE)

    assert sorted(notice.notice_id for notice in claimed) == ["first", "second"]


async def test_what_cannot_be_told_is_tried_later_each_time(database: Database) -> None:
    await _keep(database, "n")
    for minutes in (1 / 6, 1 / 3, 2 / 3, 4 / 3, 8 / 3, 5, 5):
        async with database.transaction() as connection:
            await NoticeQueue(connection).note_failure(await _standing(database, "n"))
        assert _about(await _due_in(database, "n"), minutes)
    assert (await _standing(database, "n")).tries == 7


async def test_what_was_told_is_told_again_after_one_five_and_twenty_five_minutes(
    database: Database,
) -> None:
    await _keep(database, "n")
    async with database.transaction() as connection:
        await NoticeQueue(connection).note_failure(await _standing(database, "n"))
    for times, minutes in enumerate((1, 5, 25, 125, 625, 1440, 1440), start=1):
        async with database.transaction() as connection:
            told = await NoticeQueue(connection).note_told(await _standing(database, "n"))
        assert told == times
        assert _about(await _due_in(database, "n"), minutes)
    assert (await _standing(database, "n")).told_at is not None


async def test_a_try_that_reached_nobody_does_not_count(database: Database) -> None:
    await _keep(database, "n")
    await _claim(database)
    async with database.transaction() as connection:
        await NoticeQueue(connection).give_back(["n"])

    assert (await _standing(database, "n")).tries == 0
    assert await _claim(database) == ["n"]


async def test_what_was_left_to_a_person_waits_again_when_somebody_wants_it(
    database: Database,
) -> None:
    for name in ("n-1", "n-2", "settled"):
        await _keep(database, name)
    async with database.transaction() as connection:
        notices = Notices(connection)
        await notices.mark_handled("n-1", "unmatched")
        await notices.mark_handled("n-2", "unmatched")
        await notices.mark_handled("settled", "received")
    assert await _claim(database) == []

    async with database.transaction() as connection:
        queue = NoticeQueue(connection)
        assert await queue.reopen("n-1") is True
        assert await queue.reopen("settled") is False
        assert await queue.reopen_of_order("nobodys") is False
    assert await _claim(database) == ["n-1"]
    async with database.transaction() as connection:
        assert await NoticeQueue(connection).reopen_of_order("O1") is True
    assert await _claim(database) == ["n-2"]


@pytest.mark.parametrize("how", ["acted on", "booked", "given back"])
async def test_an_attention_closes_when_its_notice_is_explained(
    database: Database, how: str
) -> None:
    await _keep(
        database, "n", kind=NoticeKind.REFUND if how == "given back" else NoticeKind.PAYMENT
    )
    await _keep(database, "open")
    async with database.transaction() as connection:
        for name in ("n", "open"):
            await Attentions(connection).raise_(
                AttentionKind.UNMATCHED_NOTICE, name, what="nobody knows it", advice="look"
            )
        await connection.execute(
            update(payment_notices)
            .where(payment_notices.c.notice_id == "open")
            .values(receipt={"trade_no": "T2"})
        )
    async with database.transaction() as connection:
        assert await NoticeQueue(connection).close_explained("system") == 0
        if how == "acted on":
            await Notices(connection).mark_handled("n", "received")
        else:
            await Notices(connection).mark_handled("n", "unmatched")
            kind = FlowKind.RECEIVED if how == "booked" else FlowKind.REFUNDED
            number = "T1" if how == "booked" else "R1"
            await PaymentFlows(connection).record("O1", "P1", ALIPAY, kind, number, 8800)

    async with database.transaction() as connection:
        assert await NoticeQueue(connection).close_explained("system") == 1
        still, _ = await Attentions(connection).open_(None, 10)
    assert [row.subject for row in still] == ["open"]
