"""What anybody may post is kept for a while, and only so much of it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.notice import REFUSED, NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.refused_notices import RefusedNotices
from tests.support.ledger import damage


async def _keep(database: Database, name: str, verdict: Verdict = Verdict.BAD_SIGNATURE) -> None:
    told = VerifiedNotice(provider_notice_id=name, kind=NoticeKind.PAYMENT, verdict=verdict)
    async with database.transaction() as connection:
        await Notices(connection).keep(name, PaymentMethod.ALIPAY, told, None, b"{}", {})


async def _kept(database: Database) -> list[str]:
    async with database.transaction() as connection:
        notices, _ = await Notices(connection).page(None, 100)
    return [notice.notice_id for notice in notices]


async def test_there_is_room_for_so_many_in_a_minute(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.postgres.refused_notices.KEPT_PER_MINUTE", 2)
    room = []
    for name in ("first", "second", "third"):
        await _keep(database, name)
        await _keep(database, f"ours-{name}", Verdict.ACCEPTED)
        async with database.transaction() as connection:
            room.append(await RefusedNotices(connection).has_room())
    assert room == [True, False, False]

    await damage(
        database, "UPDATE payment_notices SET received_at = received_at - interval '1 minute'"
    )
    async with database.transaction() as connection:
        assert await RefusedNotices(connection).has_room()


async def test_old_ones_are_forgotten_whole_and_no_others(database: Database) -> None:
    for verdict in Verdict:
        await _keep(database, verdict, verdict)
    now = datetime.now(UTC)

    async with database.transaction() as connection:
        refused = RefusedNotices(connection)
        assert await refused.forget(now - timedelta(days=1), 100) == 0
        assert await refused.forget(now + timedelta(days=1), 2) == 2
        assert await refused.forget(now + timedelta(days=1), 100) == len(REFUSED) - 2

    assert set(await _kept(database)) == set(Verdict) - set(REFUSED)


async def test_the_newest_stay(database: Database) -> None:
    await _keep(database, "ours", Verdict.ACCEPTED)
    for number in range(5):
        await _keep(database, f"n-{number}")

    async with database.transaction() as connection:
        assert await RefusedNotices(connection).forget_all_but_the_newest(1, kept=3) == 1
        assert await RefusedNotices(connection).forget_all_but_the_newest(10, kept=3) == 1
        assert await RefusedNotices(connection).forget_all_but_the_newest(10, kept=3) == 0

    assert await _kept(database) == ["n-4", "n-3", "n-2", "ours"]
