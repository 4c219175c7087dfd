from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from domain.draw import CommittedSeed, commitment_of, draw
from domain.room import ChangedTicket, Ticket
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.postgres.rooms import Rooms, keep_tickets
from tests.support.ledger import open_item
from tests.support.room_tickets import called, joined, ticket

MUG = ItemRef(sale_id="noon", sku_id="mug")
SEED = CommittedSeed(seed=bytes(32), commitment=commitment_of(bytes(32)))


async def kept(database: Database, *changes: ChangedTicket) -> list[str] | None:
    async with database.driver() as driver, driver.transaction():
        return await keep_tickets(driver, MUG, changes)


async def rows(database: Database) -> list[Ticket]:
    async with database.transaction() as connection:
        return [one async for one in Rooms(connection).tickets(MUG)]


async def test_what_a_ticket_became_is_one_row_however_often_it_is_told(
    database: Database,
) -> None:
    ada, bob = ticket("ada", 0), ticket("bob", 1, order_id="X" * 26)
    story = [joined(ada), joined(bob), called(ada)]

    assert await kept(database, *story) == []
    assert await kept(database, *story) == []
    assert await kept(database, joined(ada)) == []

    assert await rows(database) == [called(ada).ticket, bob]


async def test_an_index_has_one_ticket_whoever_comes_with_it_later(database: Database) -> None:
    assert await kept(database, joined(ticket("ada", 0)), joined(ticket("eve", 0))) == ["eve"]
    assert await kept(database, joined(ticket("bob", 0)), joined(ticket("cyd", 1))) == ["bob"]

    assert [one.user_id for one in await rows(database)] == ["ada", "cyd"]


async def test_two_processes_do_not_write_down_one_room_at_once(database: Database) -> None:
    async with database.driver() as driver, driver.transaction():
        assert await keep_tickets(driver, MUG, [joined(ticket("ada", 0))]) == []
        assert await kept(database, joined(ticket("ada", 0))) is None


async def test_what_was_served_never_falls(database: Database) -> None:
    async with database.transaction() as connection:
        rooms = Rooms(connection)
        assert await rooms.get(MUG) is None
        await rooms.keep(MUG, 10, 5)
        await rooms.keep(MUG, 12, 3)
        room = await rooms.get(MUG)

    assert room is not None
    assert (room.next_number, room.serving, room.digest) == (12, 5, None)


async def test_the_first_outcome_of_a_draw_is_the_one(database: Database) -> None:
    leaves = [bytes.fromhex(ticket("", index).leaf) for index in (1, 2)]
    first, second = draw(SEED, leaves), draw(SEED, leaves[:1])
    async with database.transaction() as connection:
        rooms = Rooms(connection)
        await rooms.keep(MUG, 2, 0)

        assert await rooms.fix_draw(MUG, first)
        assert not await rooms.fix_draw(MUG, second)
        assert not await rooms.call_void(MUG, "too late")
        assert await rooms.drawn(MUG) == first


async def test_leaves_are_found_by_their_index_and_others_are_holes(database: Database) -> None:
    await kept(database, *map(joined, [ticket("ada", 0), ticket("bob", 2), ticket("cyd", 9)]))
    async with database.transaction() as connection:
        leaves = await Rooms(connection).leaves(MUG, 4)

    assert leaves == [_leaf(0), b"", _leaf(2), b""]


async def test_tickets_and_lists_of_what_is_over_are_forgotten(database: Database) -> None:
    await open_item(database)
    await kept(database, joined(ticket("ada", 0)))
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        rooms = Rooms(connection)
        await rooms.keep(MUG, 1, 0)
        await rooms.fix_draw(MUG, draw(SEED, [_leaf(0)]))

        assert await rooms.forget_tickets(now + timedelta(days=1), 10) == 0
        await connection.execute(text("UPDATE sale_items SET retired_at = now()"))
        assert await rooms.forget_tickets(now - timedelta(days=1), 10) == 0
        assert await rooms.forget_lists(now - timedelta(days=1), 10) == 0
        assert await rooms.forget_tickets(now + timedelta(days=1), 10) == 1
        assert await rooms.forget_lists(now + timedelta(days=1), 10) == 1
        assert await rooms.drawn(MUG) is None
        room = await rooms.get(MUG)
    assert room is not None
    assert room.pool_size == 1


def _leaf(index: int) -> bytes:
    return bytes.fromhex(ticket("", index).leaf)
