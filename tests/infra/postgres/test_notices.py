import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.notice import Notice, NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import PaymentMethod, Receipt
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from tests.support.values import NOON

BODY, HEADERS = b"trade_status=TRADE_SUCCESS&junk=\xff\x00", {"content-type": "form"}
RECEIPT = Receipt(
    method=PaymentMethod.ALIPAY, payment_id="P1", trade_no="T1", amount=8800, paid_at=NOON
)


def _told(
    verdict: Verdict = Verdict.ACCEPTED, kind: NoticeKind = NoticeKind.PAYMENT
) -> VerifiedNotice:
    accepted = verdict is Verdict.ACCEPTED
    return VerifiedNotice(
        provider_notice_id="N1",
        kind=kind,
        verdict=verdict,
        payment_id="P1" if accepted else None,
        receipt=RECEIPT if accepted else None,
    )


async def _keep(database: Database, told: VerifiedNotice, notice_id: str = "hash-1") -> Notice:
    async with database.transaction() as connection:
        return await Notices(connection).keep(
            notice_id,
            PaymentMethod.ALIPAY,
            told,
            "O1" if told.payment_id else None,
            BODY,
            HEADERS,
        )


async def test_a_notice_is_kept_as_received(database: Database) -> None:
    kept = await _keep(database, _told())
    assert (kept.receipt, kept.order_id, kept.handled_at) == (RECEIPT, "O1", None)
    async with database.transaction() as connection:
        notices = Notices(connection)
        raw = await notices.raw("hash-1")
        assert await notices.get("hash-1") == kept
        assert await notices.get("unknown") is None
        assert await notices.raw("unknown") is None
    assert raw is not None
    assert (raw.body, dict(raw.headers)) == (BODY, HEADERS)


async def test_a_repeat_answers_with_the_row_that_stands(database: Database) -> None:
    first = await _keep(database, _told())
    async with database.transaction() as connection:
        assert await Notices(connection).mark_handled("hash-1", "received") is True
    again = await _keep(database, _told(Verdict.BAD_SIGNATURE))
    assert again.handled_as == "received"
    assert again.model_copy(update={"handled_at": None, "handled_as": None}) == first


async def test_duplicates_at_once_become_one_row(database: Database) -> None:
    kept = await asyncio.gather(*(_keep(database, _told()) for _ in range(6)))
    assert len({notice.received_at for notice in kept}) == 1
    async with database.transaction() as connection:
        rows, _ = await Notices(connection).page(None, 10)
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("first", "then", "stands"),
    [
        (Verdict.BAD_SIGNATURE, Verdict.ACCEPTED, Verdict.ACCEPTED),
        (Verdict.STALE, Verdict.WRONG_AMOUNT, Verdict.WRONG_AMOUNT),
        (Verdict.UNKNOWN_PAYMENT, Verdict.ACCEPTED, Verdict.ACCEPTED),
        (Verdict.ACCEPTED, Verdict.BAD_SIGNATURE, Verdict.ACCEPTED),
        (Verdict.WRONG_AMOUNT, Verdict.BAD_SIGNATURE, Verdict.WRONG_AMOUNT),
        (Verdict.MALFORMED, Verdict.STALE, Verdict.MALFORMED),
    ],
)
async def test_a_better_verdict_on_the_same_bytes_replaces_a_worse_one_and_never_back(
    database: Database, first: Verdict, then: Verdict, stands: Verdict
) -> None:
    await _keep(database, _told(first))
    kept = await _keep(database, _told(then))
    assert kept.verdict is stands
    assert kept.receipt == (RECEIPT if stands is Verdict.ACCEPTED else None)


async def test_a_notice_is_handled_once(database: Database) -> None:
    await _keep(database, _told())
    async with database.transaction() as connection:
        notices = Notices(connection)
        assert await notices.mark_handled("hash-1", "received") is True
        assert await notices.mark_handled("hash-1", "late") is False
        assert await notices.mark_handled("unknown", "received") is False
        kept = await notices.get("hash-1")
    assert kept is not None
    assert kept.handled_as == "received"


async def test_news_of_a_refund_is_kept(database: Database) -> None:
    news = RefundReport(refund_id="R1", payment_id="P1", amount=8800, succeeded=True)
    told = _told(kind=NoticeKind.REFUND).model_copy(update={"receipt": None, "refund": news})
    kept = await _keep(database, told)
    assert kept.refund == news


async def test_text_that_postgres_cannot_hold_is_kept_all_the_same(database: Database) -> None:
    told = _told(Verdict.MALFORMED).model_copy(
        update={"provider_notice_id": "N\x00\ud800" * 500, "payment_id": "P\x00"}
    )
    async with database.transaction() as connection:
        kept = await Notices(connection).keep(
            "hash-1", PaymentMethod.WECHATPAY, told, None, b"\x00", {"x\x00": "\ud800\x00"}
        )
    assert kept.payment_id == "P\N{REPLACEMENT CHARACTER}"


async def test_notices_page_newest_first_whatever_was_made_of_them(database: Database) -> None:
    for number, verdict in enumerate([Verdict.ACCEPTED, Verdict.BAD_SIGNATURE, Verdict.ACCEPTED]):
        await _keep(database, _told(verdict), f"told-{number}")
    async with database.transaction() as connection:
        notices = Notices(connection)
        first, cursor = await notices.page(None, 2)
        second, end = await notices.page(cursor, 2)
    assert [notice.notice_id for notice in first + second] == ["told-2", "told-1", "told-0"]
    assert end is None


async def test_bytes_are_forgotten_only_of_notices_acted_on_long_ago(database: Database) -> None:
    handled = await _keep(database, _told())
    waiting = await _keep(database, _told(), "hash-2")
    tomorrow, yesterday = (datetime.now(UTC) + timedelta(days=days) for days in (1, -1))
    async with database.transaction() as connection:
        notices = Notices(connection)
        await notices.mark_handled(handled.notice_id, "received")
    async with database.transaction() as connection:
        notices = Notices(connection)
        assert await notices.strip(yesterday, 10) == 0
        assert await notices.strip(tomorrow, 10) == 1
        assert await notices.strip(tomorrow, 10) == 0
        stripped, kept = await notices.raw(handled.notice_id), await notices.raw(waiting.notice_id)
        remembered = await notices.get(handled.notice_id)
    assert stripped is not None and kept is not None and remembered is not None
    assert (stripped.body, stripped.headers) == (b"", {})
    assert (kept.body, kept.headers) == (BODY, HEADERS)
    assert remembered.receipt == RECEIPT
