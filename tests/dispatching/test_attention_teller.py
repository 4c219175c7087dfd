"""Operators are sent what needs them: once, and once more when it is old and still open."""

import asyncio
from datetime import timedelta

from dispatching.attention_teller import AttentionTeller
from domain.attention import AttentionKind
from domain.operator_message import OperatorMessage
from infra.operator_messages.protocol import OperatorNotTold
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database

DRIFT = AttentionKind.STOCK_DRIFT
AT_ONCE = timedelta(0)


class Phone:
    def __init__(self, *, is_off: bool = False) -> None:
        self.is_off = is_off
        self.heard: list[str] = []
        self.rang = asyncio.Event()

    async def tell(self, message: OperatorMessage) -> None:
        await asyncio.sleep(0)
        if self.is_off:
            raise OperatorNotTold("it is off")
        self.heard.append(f"{message.subject}:{message.number}")
        self.rang.set()

    async def aclose(self) -> None:
        return


async def raise_(database: Database, *subjects: str) -> None:
    async with database.transaction() as connection:
        for subject in subjects:
            await Attentions(connection).raise_(DRIFT, subject, what="it broke", advice="mend it")


async def test_several_workers_send_each_once(database: Database) -> None:
    await raise_(database, "A", "B", "C")
    phone = Phone()
    tellers = [AttentionTeller(database, phone) for _ in range(4)]

    for _ in range(2):
        await asyncio.gather(*(teller.tell_what_is_due() for teller in tellers))

    assert sorted(phone.heard) == ["A:1", "B:1", "C:1"]


async def test_what_is_still_open_later_is_sent_a_second_and_last_time(database: Database) -> None:
    await raise_(database, "A", "B")
    phone = Phone()
    await AttentionTeller(database, phone).tell_what_is_due()
    async with database.transaction() as connection:
        await Attentions(connection).resolve(DRIFT, "B", "operator:olga", "mended")
    later = AttentionTeller(database, phone, again_after=AT_ONCE)

    for _ in range(3):
        await later.tell_what_is_due()

    assert sorted(phone.heard) == ["A:1", "A:2", "B:1"]


async def test_a_channel_that_was_away_is_tried_again_once_the_claim_has_run_out(
    database: Database,
) -> None:
    await raise_(database, "A")
    phone = Phone(is_off=True)
    assert await AttentionTeller(database, phone, lease=AT_ONCE).tell_what_is_due() == 1
    phone.is_off = False

    # That claim has run out already. This one has died and sent nothing.
    claimed = AttentionTeller(database, Phone(is_off=True))
    assert await claimed.tell_what_is_due() == 1
    assert await AttentionTeller(database, phone).tell_what_is_due() == 0
    assert phone.heard == []


async def test_who_died_after_sending_leaves_it_to_be_sent_under_the_same_name(
    database: Database,
) -> None:
    await raise_(database, "A")
    dying, phone = Phone(), Phone()

    class Dies(Phone):
        async def tell(self, message: OperatorMessage) -> None:
            await dying.tell(message)
            raise OperatorNotTold("killed before it could be marked")

    await AttentionTeller(database, Dies(), lease=AT_ONCE).tell_what_is_due()
    await AttentionTeller(database, phone).tell_what_is_due()

    assert dying.heard == phone.heard == ["A:1"]


async def test_a_worker_tells_by_itself_until_it_stops(database: Database) -> None:
    await raise_(database, "A")
    phone, stop = Phone(), asyncio.Event()

    async with AttentionTeller(database, phone).telling(stop):
        await asyncio.wait_for(phone.rang.wait(), 10)

    assert stop.is_set()
    assert phone.heard == ["A:1"]
