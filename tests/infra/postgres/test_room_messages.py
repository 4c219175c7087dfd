import pytest

from domain.buyer_message import MessageTopic
from domain.room import ChangedTicket, TicketChange, TicketState
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.postgres.room_messages import DueMessage, RoomMessages
from infra.postgres.rooms import keep_tickets
from tests.support.ledger import open_item
from tests.support.room_tickets import called, joined, ticket

MUG = ItemRef(sale_id="noon", sku_id="mug")
ADA, BOB = ticket("ada", 0), ticket("bob", 1)
LEASE = 60.0


@pytest.fixture
async def messages(database: Database) -> "Messages":
    await open_item(database)
    return Messages(database)


class Messages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, *changes: ChangedTicket, are_over: bool = False) -> None:
        async with self._database.driver() as driver, driver.transaction():
            assert await keep_tickets(driver, MUG, changes) is not None
            if are_over:
                await RoomMessages(driver).owe_ends(MUG)

    async def claim(self, lease: float = LEASE) -> list[DueMessage]:
        async with self._database.driver() as driver:
            return await RoomMessages(driver).claim(10, lease)

    async def note(self, due: list[DueMessage], pause: float | None) -> None:
        async with self._database.driver() as driver:
            await RoomMessages(driver).note((one, pause) for one in due)


def ids(due: list[DueMessage]) -> set[str]:
    return {one.message.message_id for one in due}


async def test_a_call_is_owed_with_its_row_and_once_however_often_it_is_told(
    messages: Messages,
) -> None:
    await messages.keep(joined(ADA), joined(BOB), called(ADA))
    again = called(ADA).ticket
    # A pause gave it a full window.
    await messages.keep(called(again), called(ADA))

    (due,) = await messages.claim()
    assert (due.message.user_id, due.message.topic, due.tries) == ("ada", MessageTopic.CALLED, 1)
    assert (due.message.message_id, due.message.title) == (f"{ADA.leaf}-called-0", "A mug")
    assert await messages.claim() == []

    await messages.note([due], None)
    await messages.keep(called(again))
    assert await messages.claim() == []


async def test_who_stands_at_another_number_is_called_anew_and_not_of_what_is_past(
    messages: Messages,
) -> None:
    lapsed = called(ADA).ticket.model_copy(
        update={"number": 7, "state": TicketState.WAITING, "version": 4, "lapses": 1}
    )
    await messages.keep(called(ADA), ChangedTicket(lapsed, TicketChange.LAPSED, 3000))
    assert await messages.claim() == []

    await messages.keep(called(lapsed))

    assert ids(await messages.claim()) == {f"{ADA.leaf}-called-7"}


async def test_what_was_not_told_is_due_again_after_its_pause_or_its_lease(
    messages: Messages,
) -> None:
    await messages.keep(called(ADA))
    first = await messages.claim(lease=0.0)
    (second,) = await messages.claim()
    assert (ids(first), second.tries) == ({second.message.message_id}, 2)

    await messages.note([second], 0.0)
    (third,) = await messages.claim()
    assert third.tries == 3


async def test_whoever_has_a_place_is_owed_the_end_once_and_calls_come_first(
    messages: Messages,
) -> None:
    cyd = ticket("cyd", 2, state=TicketState.LEFT)
    await messages.keep(joined(BOB), joined(cyd), called(ADA), are_over=True)
    await messages.keep(are_over=True)

    due = await messages.claim()

    assert ids(due) == {
        f"{ADA.leaf}-called-0",
        f"{ADA.leaf}-room_over",
        f"{BOB.leaf}-room_over",
    }
