"""Who waits in a room is told, each thing once, whatever is lost meanwhile."""

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from dispatching.room_messages import TRIES_BEFORE_A_PERSON, RoomMessageRelay
from dispatching.room_rows import RoomRows
from infra.buyer_messages.outbox import OutboxSender
from infra.postgres.engine import Database
from infra.redis.joins import Joins
from infra.room_recovery import RoomRecovery
from tests.support.gate import ITEM, LONG_AGO_MS, intent_for
from tests.support.ledger import open_item
from tests.support.rooms import Room
from tests.support.sender_double import SenderDouble

TOLD = "SELECT user_id, topic FROM messages ORDER BY message_number"


@pytest.fixture
async def room(redis: Redis, database: Database) -> Room:
    """One unit, for which ada and then bob wait."""
    await open_item(database, sale_id=ITEM.sale_id)
    room = await Room.open(redis, stock=1)
    room.rooms = type(room.rooms)(redis, RoomRecovery(database, redis))
    for user in ("ada", "bob"):
        await room.join(user)
    return room


async def keep_rows(room: Room, database: Database) -> None:
    await RoomRows(room.redis, database).keep([ITEM])


async def told(database: Database) -> list[tuple[str, str]]:
    """What the outbox has of rooms, all that is due being sent."""
    relay = RoomMessageRelay(database, OutboxSender(database))
    while await relay.relay():
        pass
    async with database.transaction() as connection:
        return [(row.user_id, row.topic) for row in await connection.execute(text(TOLD))]


async def test_who_is_called_is_told_and_all_others_of_the_end(
    room: Room, database: Database
) -> None:
    assert await room.turn() == ["ada"]
    await keep_rows(room, database)
    assert await told(database) == [("ada", "called-0")]

    await room.gate.sell(intent_for((await room.order("ada")).order_id, "ada"))
    await room.turn()
    await keep_rows(room, database)

    assert await told(database) == [("ada", "called-0"), ("bob", "room_over")]


async def test_a_lost_redis_and_a_repeat_tell_nobody_twice(
    room: Room, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.turn()
    with monkeypatch.context() as patched, pytest.raises(OSError, match="killed"):
        patched.setattr(Joins, "forget", _dies)
        await keep_rows(room, database)
    assert await told(database) == [("ada", "called-0")]
    await keep_rows(room, database)

    await room.redis.flushdb()
    await room.gate.preheat(room.terms, 1)
    await room.rooms.recover(ITEM)
    # The first turn gives those who were called their full windows.
    await room.turn()
    await room.let_calls_pass()
    await room.turn()
    await keep_rows(room, database)

    # Ada has had her time by now, and the unit is bob's.
    assert await told(database) == [("ada", "called-0"), ("bob", "called-1")]


async def test_where_redis_is_gone_the_end_of_a_sale_is_told_from_rows(
    room: Room, database: Database
) -> None:
    await keep_rows(room, database)
    await room.redis.flushdb()
    relay = RoomMessageRelay(database, OutboxSender(database))
    await relay.end_rooms(0.0)
    assert await told(database) == []

    async with database.transaction() as connection:
        ends = "UPDATE sales SET starts_at = now() - interval '9 days', ends_at = now()"
        await connection.execute(text(ends))
    await relay.end_rooms(0.0)
    await relay.end_rooms(0.0)

    assert sorted(await told(database)) == [("ada", "room_over"), ("bob", "room_over")]


async def test_the_end_of_a_sale_is_told_by_its_room(room: Room, database: Database) -> None:
    await room.change(starts_at_ms=LONG_AGO_MS - 1, ends_at_ms=LONG_AGO_MS)
    await room.turn()
    await room.turn()
    await keep_rows(room, database)

    assert sorted(await told(database)) == [("ada", "room_over"), ("bob", "room_over")]


async def test_what_does_not_get_through_is_tried_again_and_calls_a_person(
    room: Room, database: Database
) -> None:
    await room.turn()
    await keep_rows(room, database)
    sender = SenderDouble()
    sender.fails["ada"] = TRIES_BEFORE_A_PERSON
    relay = RoomMessageRelay(database, sender)
    for _ in range(TRIES_BEFORE_A_PERSON):
        assert await _attentions(database) == []
        assert await relay.relay() == 1
        assert await relay.relay() == 0
        await _let_pauses_pass(database)
    assert (sender.sent, await _attentions(database)) == (set(), ["open"])

    assert await relay.relay() == 1

    assert (len(sender.sent), await _attentions(database)) == (1, ["resolved"])


async def _dies(*_: object) -> None:
    raise OSError("killed")


async def _let_pauses_pass(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE room_messages SET due_at = now()"))


async def _attentions(database: Database) -> list[str]:
    query = "SELECT CASE WHEN resolved_at IS NULL THEN 'open' ELSE 'resolved' END FROM attentions"
    async with database.transaction() as connection:
        return list((await connection.execute(text(query))).scalars())
