"""Units come back to a room while people leave, sleep and are told twice, and control is killed."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from domain.reservation import GateVerdict
from domain.room import ChangedTicket, RoomVerdict, Ticket, TicketChange, TicketState
from domain.sale import Admission
from infra.redis.keys import RoomKeys
from infra.redis.room_control import RoomControl
from infra.redis.room_gate import RoomGate
from infra.redis.room_lines import change_from
from tests.support.gate import ITEM, request_for, stream_of
from tests.support.rooms import Room

RETURNS = 500
STOCK = 20
PEOPLE = 1300
PROCESSES = 3


@dataclass
class Crowd:
    """Those who wait, and what each does once he is called."""

    room: Room
    chance: random.Random
    held: list[str] = field(default_factory=list)
    clicked: int = 0

    async def click(self, user_id: str) -> None:
        order_id = f"C{self.chance.getrandbits(60)}"
        answer = await self.room.gate.reserve(request_for(order_id, user_id))
        if answer.verdict is GateVerdict.RESERVED:
            self.held.append(order_id)
            self.clicked += 1

    async def give_back(self) -> None:
        """Twice, as after a lost answer."""
        order_id = self.held.pop(self.chance.randrange(len(self.held)))
        for _ in range(2):
            await self.room.gate.release(ITEM, order_id)

    async def answer(self, user_id: str) -> None:
        """To a call: he comes, leaves, or sleeps."""
        mood = self.chance.random()
        if mood < 0.15:
            await self.room.leave(user_id)
        elif mood < 0.9:
            given, again = await asyncio.gather(*(self.room.enter(user_id) for _ in range(2)))
            assert given.ticket == again.ticket
            if given.verdict is RoomVerdict.PASS and mood < 0.7:
                await self.order(user_id, given.ticket)

    async def order(self, user_id: str, ticket: Ticket | None) -> None:
        """With his pass, twice at once."""
        assert ticket is not None
        request = request_for(ticket.order_id, user_id, pass_units=ticket.units)
        answers = await asyncio.gather(*(self.room.gate.reserve(request) for _ in range(2)))
        assert [one.verdict for one in answers] == [GateVerdict.RESERVED] * 2, answers
        assert {one.order_id for one in answers} == {ticket.order_id}
        self.held.append(ticket.order_id)


async def changes(redis: Redis) -> list[ChangedTicket]:
    return [change_from(fields) for fields in await stream_of(redis, RoomKeys.of(ITEM).joins)]


async def test_each_returned_unit_is_offered_in_order_and_to_exactly_one(
    redis: Redis, redis_url: str
) -> None:
    room = await Room.open(redis, stock=STOCK, admission=Admission.OPEN)
    crowd = Crowd(room, random.Random(7))
    for n in range(STOCK):
        await crowd.click(f"first-{n}")
    for n in range(PEOPLE):
        await room.join(f"u{n}")
    clients = [Redis.from_url(redis_url, decode_responses=True) for _ in range(PROCESSES)]
    controls = [RoomControl(RoomGate(client)) for client in clients]

    async def turn() -> None:
        """By all processes at once, one of which may be killed in the middle of it."""
        await redis.hdel(RoomKeys.of(ITEM).room, "last_ms")
        turns = [asyncio.create_task(control.turn()) for control in controls]
        if crowd.chance.random() < 0.3:
            await asyncio.sleep(0)
            crowd.chance.choice(turns).cancel()
        await asyncio.gather(*turns, return_exceptions=True)

    seen = "-"
    for returned in range(RETURNS):
        if not crowd.held:
            break
        await crowd.give_back()
        await turn()
        entries: Any = await redis.xrange(RoomKeys.of(ITEM).joins, seen)
        for entry_id, fields in entries:
            seen = f"({entry_id}"
            if fields["what"] == TicketChange.CALLED:
                await crowd.answer(fields["user"])
        if returned % 3 == 0:
            await room.let_passes_end()
        if returned % 2 == 0:
            await room.let_calls_pass()
        await crowd.click("clicker-" + str(returned))
        counts = await room.counts()
        assert counts["promised"] + counts["called"] <= counts["stock"]
        assert counts["stock"] + len(crowd.held) == STOCK
    else:
        returned = RETURNS
    for client in clients:
        await client.aclose()

    assert returned == RETURNS
    happened = await changes(redis)
    called = [one.ticket.number for one in happened if one.what is TicketChange.CALLED]
    assert called == sorted(set(called))
    whats = Counter(one.what for one in happened)
    used = whats[TicketChange.USED]
    counts = await room.counts()
    # Each of them was sold again, or is free; nobody has one that another has.
    assert used + crowd.clicked + counts["stock"] == STOCK + RETURNS
    tickets = {one.ticket.user_id: one.ticket for one in happened}
    states = Counter(ticket.state for ticket in tickets.values())
    assert states.total() == PEOPLE
    assert counts["promised"] == states[TicketState.FETCHED]
    assert counts["called"] == states[TicketState.CALLED]
    assert counts["waiting"] == states[TicketState.WAITING]
    first_waiting = min(one.number for one in tickets.values() if one.state is TicketState.WAITING)
    assert first_waiting > max(called)
    assert min(whats[what] for what in (TicketChange.LEFT, TicketChange.LAPSED)) > 20
