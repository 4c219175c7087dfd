"""When a notice is told on once more, and when it is judged again first."""

from typing import cast

import pytest
from temporalio.service import RPCError, RPCStatusCode

from api.notices import NoticeReplay
from domain.errors import ErrorCode, Refusal
from domain.notice import Notice, NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway, RawNotice
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from notices.inbox import NoticeInbox, notice_id_of
from notices.relay import NoticeRelay
from tests.support.operators import acts_of

ALIPAY = PaymentMethod.ALIPAY
BODY = b"trade_status=TRADE_SUCCESS"
NOTICE_ID = notice_id_of(ALIPAY, BODY)
REPLAYED = ("operator:olga", "notice_replayed", NOTICE_ID, "a key was missing")


class Inbox:
    """Inbox and relay in one: judges as it is told to, and remembers whom it told."""

    def __init__(self, database: Database, verdict: Verdict = Verdict.ACCEPTED) -> None:
        self._database = database
        self._verdict = verdict
        self.judged = 0
        self.told: list[Notice] = []
        self.failure: Exception | None = None

    async def judge(self, method: PaymentMethod, raw: RawNotice) -> None:
        assert (method, raw.body) == (ALIPAY, BODY)
        self.judged += 1
        await keep(self._database, self._verdict)

    async def relay_promptly(self, notice: Notice) -> None:
        if self.failure:
            raise self.failure
        self.told.append(notice)


async def keep(database: Database, verdict: Verdict, kind: NoticeKind = NoticeKind.PAYMENT) -> None:
    judged = VerifiedNotice(provider_notice_id="a1", kind=kind, verdict=verdict)
    async with database.transaction() as connection:
        await Notices(connection).keep(NOTICE_ID, ALIPAY, judged, None, BODY, {})


async def replay(database: Database, inbox: Inbox) -> Notice:
    gateways = {ALIPAY: cast(Gateway, None)}
    relay = cast(NoticeRelay, inbox)
    notices = NoticeReplay(database, cast(NoticeInbox, inbox), relay, gateways)
    return await notices.replay(NOTICE_ID, "operator:olga", "a key was missing")


async def test_a_notice_that_was_accepted_is_told_on_as_it_is(database: Database) -> None:
    await keep(database, Verdict.ACCEPTED)
    inbox = Inbox(database)

    assert await replay(database, inbox) == inbox.told[0]
    assert inbox.judged == 0
    assert await acts_of(database) == [REPLAYED]


async def test_one_whose_key_was_missing_is_judged_again(database: Database) -> None:
    await keep(database, Verdict.BAD_SIGNATURE)
    inbox = Inbox(database)

    assert (await replay(database, inbox)).verdict is Verdict.ACCEPTED
    assert (inbox.judged, len(inbox.told)) == (1, 1)
    assert await acts_of(database) == [REPLAYED]


async def test_what_moves_no_order_is_refused_and_says_why(database: Database) -> None:
    await keep(database, Verdict.BAD_SIGNATURE)
    inbox = Inbox(database, Verdict.BAD_SIGNATURE)

    with pytest.raises(Refusal) as refusal:
        await replay(database, inbox)

    assert refusal.value.code is ErrorCode.INVALID_STATE
    assert refusal.value.extra == {"verdict": Verdict.BAD_SIGNATURE, "kind": NoticeKind.PAYMENT}
    assert inbox.told == []


async def test_a_notice_of_a_refund_is_told_on(database: Database) -> None:
    await keep(database, Verdict.ACCEPTED, NoticeKind.REFUND)
    inbox = Inbox(database)
    assert [await replay(database, inbox)] == inbox.told


async def test_a_notice_of_something_else_moves_no_order(database: Database) -> None:
    await keep(database, Verdict.ACCEPTED, NoticeKind.OTHER)

    with pytest.raises(Refusal) as refusal:
        await replay(database, Inbox(database))
    assert refusal.value.code is ErrorCode.INVALID_STATE


async def test_one_that_was_acted_on_is_not_told_again(database: Database) -> None:
    await keep(database, Verdict.ACCEPTED)
    async with database.transaction() as connection:
        await Notices(connection).mark_handled(NOTICE_ID, "signalled")
    inbox = Inbox(database)

    assert (await replay(database, inbox)).handled_as == "signalled"
    assert inbox.told == []


@pytest.mark.parametrize(
    "failure", [RPCError("away", RPCStatusCode.UNAVAILABLE, b""), RuntimeError(), TimeoutError()]
)
async def test_while_temporal_is_away_it_has_to_be_asked_for_again(
    database: Database, failure: Exception
) -> None:
    await keep(database, Verdict.ACCEPTED)
    inbox = Inbox(database)
    inbox.failure = failure

    with pytest.raises(Refusal) as refusal:
        await replay(database, inbox)
    assert refusal.value.code is ErrorCode.UNAVAILABLE


async def test_what_was_never_kept_is_not_found(database: Database) -> None:
    with pytest.raises(Refusal) as refusal:
        await replay(database, Inbox(database))
    assert refusal.value.code is ErrorCode.NOT_FOUND
