"""The room of an item on a real Redis: joining, being called, entering, leaving, being lost."""

import asyncio

from redis.asyncio import Redis

from domain.reservation import GateVerdict
from domain.room import RoomVerdict, Ticket, TicketState
from infra.redis.keys import LIVE_ROOMS, ItemKeys, RoomKeys
from tests.support.gate import FAR_AHEAD_MS, ITEM, LONG_AGO_MS, intent_for, request_for, set_paused
from tests.support.rooms import Room

RESERVED, SOLD_OUT = GateVerdict.RESERVED, GateVerdict.SOLD_OUT
INVALID, MISMATCH = GateVerdict.ENTRY_TOKEN_INVALID, GateVerdict.IDEMPOTENCY_MISMATCH
ROOM = RoomKeys.of(ITEM)


async def ticket_of(room: Room, user_id: str) -> Ticket:
    ticket = (await room.rooms.look(ITEM, user_id)).ticket
    assert ticket is not None
    return ticket


class TestAPass:
    async def test_a_place_becomes_a_call_a_pass_and_an_order(self, queue: Room) -> None:
        ada, bob = await queue.join("ada"), await queue.join("bob")
        assert (ada.place, bob.place) == (1, 2)
        early = await queue.gate.reserve(request_for("X", "ada"))
        assert early.verdict is GateVerdict.NOT_YOUR_TURN

        assert await queue.turn() == ["ada", "bob"]
        given, again = await queue.enter("ada"), await queue.enter("ada")

        assert given.verdict is RoomVerdict.PASS
        assert given.ticket is not None
        assert again.ticket == given.ticket
        order = request_for(given.ticket.order_id, "ada", pass_units=1)
        assert (await queue.gate.reserve(order)).verdict is RESERVED
        assert (await queue.gate.reserve(order)).order_id == given.ticket.order_id
        assert await queue.state_of("ada") is TicketState.USED
        counts = {"stock": 2, "held": 1, "promised": 0, "called": 1, "waiting": 0}
        assert await queue.counts() == counts

    async def test_one_click_of_many_with_a_pass_takes_its_units(self, queue: Room) -> None:
        await queue.join("ada")
        await queue.turn()
        ticket = (await queue.enter("ada")).ticket
        assert ticket is not None

        order = request_for(ticket.order_id, "ada", pass_units=1)
        answers = await asyncio.gather(*(queue.gate.reserve(order) for _ in range(20)))

        assert {answer.order_id for answer in answers} == {ticket.order_id}
        assert (await queue.counts())["stock"] == 2

    async def test_what_is_no_pass_holds_nothing(self, queue: Room) -> None:
        await queue.join("ada", 2)
        await queue.turn()
        ticket = (await queue.enter("ada")).ticket
        assert ticket is not None
        name = ticket.order_id

        async def verdict(order_id: str, user: str, quantity: int, units: int) -> GateVerdict:
            request = request_for(order_id, user, quantity, pass_units=units)
            return (await queue.gate.reserve(request)).verdict

        assert await verdict("never given", "ada", 1, 1) is INVALID
        assert await verdict(name, "bob", 1, 2) is INVALID
        assert await verdict(name, "ada", 1, 1) is INVALID
        await queue.let_passes_end()
        assert await verdict(name, "ada", 2, 2) is INVALID
        assert (await queue.counts())["stock"] == 3

    async def test_a_repeat_is_compared_with_the_first(self, queue: Room) -> None:
        await queue.join("ada", 2)
        await queue.turn()
        ticket = (await queue.enter("ada")).ticket
        assert ticket is not None
        first = request_for(ticket.order_id, "ada", 2, pass_units=2, key="cart")
        assert (await queue.gate.reserve(first)).verdict is RESERVED

        assert (await queue.gate.reserve(first._replace(quantity=1))).verdict is MISMATCH
        other = await queue.gate.reserve(first._replace(user_id="bob", idempotency_key=""))
        assert other.verdict is MISMATCH
        # Given back, it is the answer all the same.
        await queue.gate.release(ITEM, ticket.order_id)
        assert (await queue.gate.reserve(first)).order_id == ticket.order_id
        await queue.redis.hdel(ItemKeys.of(ITEM).reservations, ticket.order_id)
        assert (await queue.gate.reserve(first)).order_id == ticket.order_id
        assert (await queue.counts())["stock"] == 3

    async def test_a_key_that_names_another_order_is_a_mismatch(self, sold_out: Room) -> None:
        keyed = request_for("O2", "ada", key="cart")
        await sold_out.gate.release(ITEM, "O1")
        assert (await sold_out.gate.reserve(keyed)).verdict is RESERVED
        await sold_out.join("ada")
        await sold_out.gate.release(ITEM, "O2")
        await sold_out.turn()
        ticket = (await sold_out.enter("ada")).ticket
        assert ticket is not None

        order = request_for(ticket.order_id, "ada", pass_units=1, key="cart")
        assert (await sold_out.gate.reserve(order)).verdict is MISMATCH

    async def test_not_even_a_late_order_takes_what_was_promised(self, queue: Room) -> None:
        for user in ("ada", "bob"):
            await queue.join(user)
        await queue.turn()
        await queue.enter("ada")

        late = [await queue.gate.reserve(request_for(f"L{n}", "eve", late=True)) for n in range(2)]

        assert [one.verdict for one in late] == [RESERVED, SOLD_OUT]
        await queue.gate.release(ITEM, "L0")
        await queue.join("cleo")
        await queue.turn()
        assert await queue.gate.reclaim(intent_for("L0", "eve")) is False


class TestTheLine:
    async def test_a_user_has_one_ticket_however_often_he_comes(self, queue: Room) -> None:
        reports = await asyncio.gather(*(queue.join("ada", 1 + n % 2) for n in range(9)))

        assert len({report.ticket for report in reports}) == 1
        assert (await queue.join("bob")).place == 2

    async def test_no_more_are_called_than_units_nobody_was_promised(self, queue: Room) -> None:
        for n in range(8):
            await queue.join(f"u{n}")

        assert await queue.turn() == ["u0", "u1", "u2"]
        assert await queue.turn() == []
        assert (await queue.enter("u3")).verdict is RoomVerdict.NOT_YOUR_TURN
        await queue.let_calls_pass()
        assert await queue.turn() == ["u3", "u4", "u5"]
        # Too late for what was kept, and still served while there is something.
        assert (await queue.enter("u0")).verdict is RoomVerdict.NOT_YOUR_TURN
        assert {(await queue.enter(f"u{n}")).verdict for n in (3, 4)} == {RoomVerdict.PASS}
        await queue.leave("u5")
        assert (await queue.enter("u0")).verdict is RoomVerdict.PASS
        assert (await queue.counts())["promised"] == 3

    async def test_who_wants_two_waits_for_two_while_more_may_come(self, queue: Room) -> None:
        for user, units in (("ada", 2), ("bob", 2), ("cleo", 1)):
            await queue.join(user, units)

        assert await queue.turn() == ["ada"]
        await queue.order("ada", 2)
        assert await queue.turn() == []
        await queue.gate.sell(intent_for((await ticket_of(queue, "ada")).order_id, "ada", 2))
        assert await queue.turn() == ["bob"]
        assert (await queue.order("bob", 1)).verdict is RESERVED

    async def test_pace_is_kept_whatever_the_clock_says(self, redis: Redis) -> None:
        room = await Room.open(redis, stock=9, pace_per_minute=60)
        for n in range(9):
            await room.join(f"u{n}")
        assert await room.turn() == ["u0"]
        await redis.hset(ROOM.room, "last_ms", str(FAR_AHEAD_MS))
        (turned,) = await room.rooms.turn([ITEM])
        assert not isinstance(turned, Exception)
        assert turned.called == ["u1"]
        # Many processes take turns, and time passes once.
        turns = [(await room.rooms.turn([ITEM]))[0] for _ in range(5)]
        assert [turn.called for turn in turns if not isinstance(turn, Exception)] == [[]] * 5

    async def test_nobody_is_called_while_orders_wait_to_be_carried(self, queue: Room) -> None:
        await queue.join("ada")
        await queue.redis.xadd(ItemKeys.of(ITEM).intents, {"order_id": "X"}, id="1000-0")
        assert await queue.turn() == []
        await queue.redis.xtrim(ItemKeys.of(ITEM).intents, maxlen=0)
        assert await queue.turn() == ["ada"]

    async def test_who_leaves_gives_back_what_was_promised_him(self, queue: Room) -> None:
        for user in ("ada", "bob", "cleo"):
            await queue.join(user)
        await queue.turn()
        await queue.enter("ada")
        for user in ("ada", "bob"):
            await queue.leave(user)

        counts = {"stock": 3, "held": 0, "promised": 0, "called": 1, "waiting": 0}
        assert await queue.counts() == counts
        assert (await queue.enter("ada")).verdict is RoomVerdict.NO_TICKET
        back = await queue.join("ada")
        assert back.place == 4
        assert back.ticket is not None
        assert back.ticket.index == 0
        await queue.order("cleo")
        assert (await queue.leave("cleo")).verdict is RoomVerdict.USED

    async def test_a_pass_lapses_once_to_the_end_and_then_for_good(self, queue: Room) -> None:
        await queue.join("ada")
        await queue.turn()
        await queue.enter("ada")
        await queue.join("bob")
        await queue.let_passes_end()

        assert await queue.turn() == ["bob", "ada"]
        await queue.enter("ada")
        await queue.let_passes_end()
        await queue.turn()

        assert await queue.state_of("ada") is TicketState.LAPSED
        assert (await queue.enter("ada")).verdict is RoomVerdict.LAPSED
        spent = await queue.join("ada")
        assert (spent.verdict, spent.place) == (RoomVerdict.TICKET, 3)
        assert (await queue.counts())["promised"] == 0

    async def test_a_pause_costs_nobody_his_time(self, queue: Room) -> None:
        for user in ("ada", "bob", "cleo"):
            await queue.join(user)
        await queue.turn()
        await queue.enter("ada")
        await set_paused(queue.gate, ITEM, True)
        await queue.let_passes_end()
        await queue.let_calls_pass()
        await queue.turn()
        assert (await queue.enter("bob")).verdict is RoomVerdict.PAUSED
        await set_paused(queue.gate, ITEM, False)

        # Whoever comes before the next turn as well.
        assert (await queue.order("ada")).verdict is RESERVED
        await queue.turn()
        assert await queue.state_of("bob") is TicketState.CALLED
        assert (await queue.order("bob")).verdict is RESERVED

    async def test_a_room_has_its_hours_and_a_buyer_his_limit(self, redis: Redis) -> None:
        early = await Room.open(
            redis, stock=1, starts_at_ms=FAR_AHEAD_MS - 2, room_opens_at_ms=FAR_AHEAD_MS - 3
        )
        report = await early.join("ada")
        assert (report.verdict, report.detail) == (RoomVerdict.NOT_STARTED, str(FAR_AHEAD_MS - 3))
        await early.change(room_opens_at_ms=LONG_AGO_MS)
        assert (await early.join("ada")).place == 1
        assert await early.turn() == []
        assert (await early.enter("ada")).verdict is RoomVerdict.NOT_STARTED
        await early.change(starts_at_ms=LONG_AGO_MS)
        assert await early.turn() == ["ada"]
        assert (await early.join("bob", 3)).verdict is RoomVerdict.LIMIT_REACHED
        await early.change(starts_at_ms=LONG_AGO_MS - 1, ends_at_ms=LONG_AGO_MS)
        assert (await early.enter("ada")).verdict is RoomVerdict.ENDED
        assert (await early.join("bob")).verdict is RoomVerdict.ENDED
        # Its stream has to be read first.
        await early.turn()
        assert await redis.scard(LIVE_ROOMS) == 1
        await redis.delete(ROOM.joins)
        await early.turn()
        assert await redis.scard(LIVE_ROOMS) == 0
