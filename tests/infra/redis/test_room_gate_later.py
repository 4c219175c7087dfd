"""A room as a waiting list, as a draw, and as one that a server has lost."""

from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from domain.reservation import GateVerdict, ReservationState, StockReturn
from domain.room import RoomVerdict, Ticket, TicketState
from domain.sale import Admission
from infra.redis.keys import ItemKeys, RoomKeys
from tests.support.gate import FAR_AHEAD_MS, ITEM, LONG_AGO_MS, intent_for, request_for
from tests.support.rooms import Room, be_out_of_reach, come_back_as_another, packed

RESERVED, SOLD_OUT = GateVerdict.RESERVED, GateVerdict.SOLD_OUT
INVALID, MISMATCH = GateVerdict.ENTRY_TOKEN_INVALID, GateVerdict.IDEMPOTENCY_MISMATCH
ROOM = RoomKeys.of(ITEM)


async def ticket_of(room: Room, user_id: str) -> Ticket:
    ticket = (await room.rooms.look(ITEM, user_id)).ticket
    assert ticket is not None
    return ticket


class TestTheWaitingList:
    async def test_clicks_take_only_what_nobody_waits_for(self, sold_out: Room) -> None:
        click = await sold_out.gate.reserve(request_for("C1", "eve"))
        assert (click.verdict, click.waiting) == (SOLD_OUT, None)
        await sold_out.join("ada")
        await sold_out.gate.release(ITEM, "O1")
        click = await sold_out.gate.reserve(request_for("C2", "eve"))
        assert (click.verdict, click.waiting) == (SOLD_OUT, 1)

        assert await sold_out.turn() == ["ada"]
        assert (await sold_out.gate.reserve(request_for("C3", "eve"))).verdict is SOLD_OUT
        assert (await sold_out.order("ada")).verdict is RESERVED

    async def test_who_can_click_need_not_wait(self, sold_out: Room) -> None:
        await sold_out.gate.release(ITEM, "O1")
        assert (await sold_out.join("ada")).verdict is RoomVerdict.FREE

    async def test_after_three_lapses_in_a_row_a_click_gets_the_unit(self, sold_out: Room) -> None:
        for n in range(5):
            await sold_out.join(f"u{n}")
        await sold_out.gate.release(ITEM, "O1")
        for n in range(3):
            assert await sold_out.turn() == [f"u{n}"]
            assert (await sold_out.gate.reserve(request_for("C", "eve"))).verdict is SOLD_OUT
            await sold_out.let_calls_pass()

        assert await sold_out.turn() == []
        # Not even who was called before.
        assert (await sold_out.enter("u0")).verdict is RoomVerdict.NOT_YOUR_TURN
        assert (await sold_out.gate.reserve(request_for("C", "eve"))).verdict is RESERVED
        await sold_out.gate.release(ITEM, "C")
        assert (await sold_out.gate.reserve(request_for("C9", "eve"))).verdict is SOLD_OUT
        assert await sold_out.turn() == ["u3"]

    async def test_who_gave_his_order_back_may_wait_again_at_the_end(self, sold_out: Room) -> None:
        await sold_out.join("ada")
        await sold_out.gate.release(ITEM, "O1")
        await sold_out.turn()
        await sold_out.order("ada")
        used = await ticket_of(sold_out, "ada")
        assert (await sold_out.join("ada")).ticket == used
        await sold_out.gate.release(ITEM, used.order_id)
        # Nothing to wait for: he may click.
        free = await sold_out.join("ada")
        assert (free.verdict, free.ticket) == (RoomVerdict.TICKET, used)
        await sold_out.gate.reserve(request_for("C1", "eve"))

        again = await sold_out.join("ada")

        assert again.ticket is not None
        assert (again.place, again.ticket.state) == (2, TicketState.WAITING)
        assert (again.ticket.index, again.ticket.leaf) == (used.index, used.leaf)
        await sold_out.gate.release(ITEM, "C1")
        assert await sold_out.turn() == ["ada"]
        assert (await sold_out.order("ada")).verdict is RESERVED

    async def test_a_room_is_over_when_nothing_can_come_back_and_is_woken(
        self, sold_out: Room
    ) -> None:
        await sold_out.join("ada")
        await sold_out.turn()
        assert (await sold_out.join("bob")).verdict is RoomVerdict.TICKET
        await sold_out.gate.sell(intent_for("O1", "owner"))
        await sold_out.turn()
        assert (await sold_out.join("cleo")).verdict is RoomVerdict.OVER
        assert (await sold_out.rooms.look(ITEM, "ada")).room.is_over
        await sold_out.gate.release(ITEM, "O1", StockReturn.RESTOCK)
        assert await sold_out.turn() == ["ada"]
        assert (await sold_out.order("ada")).verdict is RESERVED


class TestADraw:
    async def test_places_are_those_that_were_drawn(self, redis: Redis) -> None:
        room = await Room.open(
            redis, stock=2, admission=Admission.DRAW, starts_at_ms=FAR_AHEAD_MS - 1
        )
        tickets = [await room.join(user) for user in ("ada", "bob", "cleo")]
        assert [report.place for report in tickets] == [None] * 3
        await room.leave("bob")
        assert await room.rooms.fix_pool(ITEM) is None
        await room.change(starts_at_ms=LONG_AGO_MS)
        late = await room.join("dora")
        assert late.place == 4
        pool = await room.rooms.fix_pool(ITEM)
        assert pool is not None
        assert [leaf[:4] for leaf in pool.leaves] == [b"ada\0", b"bob\0", b"cleo"]
        assert await room.turn() == []

        assert await room.rooms.fix_places(ITEM, "d1", packed(2, 0, 1))
        assert not await room.rooms.fix_places(ITEM, "d2", packed(0, 1, 2))

        places = [(await room.rooms.look(ITEM, user)).place for user in ("ada", "bob", "cleo")]
        assert places == [3, 1, 2]
        assert await room.turn() == ["cleo", "ada"]
        state = await room.rooms.state(ITEM)
        assert state is not None
        assert (state.serving, state.pool_size, state.digest, state.waiting) == (3, 3, "d1", 1)


class TestWhatIsLost:
    async def test_every_field_of_an_item_survives_a_rebuild(self, queue: Room) -> None:
        for user in ("ada", "bob", "cleo", "dora"):
            await queue.join(user)
        await queue.turn()
        await queue.order("ada")
        await queue.enter("bob")
        await queue.change(requires_claim="known")
        before = await queue.redis.hgetall(ItemKeys.of(ITEM).item)
        kept = [line async for line in queue.gate.reservations(ITEM)]

        await queue.gate.rebuild(queue.terms, 2, kept)

        assert await queue.redis.hgetall(ItemKeys.of(ITEM).item) == before
        assert (await queue.order("bob")).verdict is RESERVED

    async def test_an_emptied_redis_gets_its_room_back(self, queue: Room) -> None:
        for user in ("ada", "bob", "cleo", "dora"):
            await queue.join(user)
        await queue.turn()
        await queue.order("ada")
        await queue.enter("bob")
        users = ("ada", "bob", "cleo", "dora")
        tickets = [await ticket_of(queue, user) for user in users]
        kept = [line async for line in queue.gate.reservations(ITEM)]
        await queue.redis.flushall()
        await queue.gate.rebuild(queue.terms, 2, kept)
        assert await queue.state_of("ada") is None

        assert await queue.rooms.restore_tickets(ITEM, tickets) == 4
        assert await queue.rooms.reopen(ITEM, 4, 3)
        assert not await queue.rooms.reopen(ITEM, 4, 3)

        states = [await queue.state_of(user) for user in users]
        assert [str(state) for state in states] == ["used", "fetched", "called", "waiting"]
        counts = {"stock": 2, "held": 1, "promised": 1, "called": 1, "waiting": 1}
        assert await queue.counts() == counts
        assert (await queue.join("eve")).place == 10_005
        assert (await queue.order("bob")).verdict is RESERVED
        assert (await queue.order("cleo")).verdict is RESERVED
        await queue.gate.release(ITEM, (await ticket_of(queue, "bob")).order_id)
        assert await queue.turn() == ["dora"]

    async def test_a_used_pass_is_not_used_again_after_a_loss(self, queue: Room) -> None:
        await queue.join("ada")
        await queue.turn()
        await queue.enter("ada")
        before = await ticket_of(queue, "ada")
        await queue.order("ada")
        # Rows have not heard of it, and Redis is set back to before it.
        await queue.redis.delete(ROOM.tickets, ROOM.room)

        await queue.rooms.restore_tickets(ITEM, [before])

        assert await queue.state_of("ada") is TicketState.USED
        assert (await queue.order("ada")).order_id == before.order_id
        assert (await queue.counts())["stock"] == 2

    async def test_another_server_asks_what_was_lost_before_it_gives_a_number(
        self, queue: Room
    ) -> None:
        await queue.join("ada")
        lost = (await queue.join("bob")).ticket
        assert lost is not None
        await come_back_as_another(queue.redis)
        await queue.redis.hset(ROOM.room, "next", "1")
        await queue.redis.hdel(ROOM.tickets, "bob")
        await queue.redis.hdel(ROOM.numbers, "1")

        await queue.rooms.let_in_again(ITEM, lost)

        back = await queue.join("bob")
        assert back.ticket is not None
        assert (back.place, back.ticket.leaf) == (2, lost.leaf)
        assert (await queue.join("cleo")).place == 10_002
        # What only its owner has kept is nothing against what is known.
        await queue.leave("bob")
        await queue.rooms.let_in_again(ITEM, lost)
        assert await queue.state_of("bob") is TicketState.LEFT

    @pytest.mark.parametrize("outage", [come_back_as_another, be_out_of_reach])
    async def test_an_outage_costs_nobody_his_time(
        self, queue: Room, outage: Callable[[Redis], Awaitable[None]]
    ) -> None:
        for user in ("ada", "bob", "cleo"):
            await queue.join(user)
        await queue.turn()
        tickets = [(await queue.enter(user)).ticket for user in ("ada", "bob")]
        await queue.let_passes_end()
        await queue.let_calls_pass()
        await outage(queue.redis)

        # Whoever comes before the room has its turn as well.
        assert tickets[0] is not None
        order = request_for(tickets[0].order_id, "ada", pass_units=1)
        assert (await queue.gate.reserve(order)).verdict is RESERVED
        await queue.rooms.turn([ITEM])
        await queue.rooms.reopen(ITEM)
        await queue.turn()

        assert await queue.state_of("bob") is TicketState.FETCHED
        assert await queue.state_of("cleo") is TicketState.CALLED
        # And from then on time passes for him as for anybody.
        await queue.let_passes_end()
        await queue.turn()
        assert await queue.state_of("bob") is not TicketState.FETCHED

    async def test_what_is_retired_leaves_nothing(self, redis: Redis) -> None:
        room = await Room.open(redis, stock=1)
        await room.join("ada")
        await room.turn()
        await room.enter("ada")
        await room.change(ends_at_ms=LONG_AGO_MS)
        assert not await room.gate.retire(1, ITEM)
        await redis.delete(ROOM.joins)

        assert await room.gate.retire(1, ITEM)
        assert await redis.keys("seckill:*") == []


async def test_held_is_counted_along_every_way_of_an_order(sold_out: Room) -> None:
    async def held() -> int:
        return (await sold_out.counts())["held"]

    assert await held() == 1
    await sold_out.gate.release(ITEM, "O1")
    assert await held() == 0
    assert await sold_out.gate.reclaim(intent_for("O1", "owner"))
    assert await held() == 1
    await sold_out.gate.sell(intent_for("O1", "owner"))
    assert await held() == 0
    assert await sold_out.gate.release(ITEM, "O1", StockReturn.RESTOCK) is ReservationState.RELEASED
    assert await held() == 0
