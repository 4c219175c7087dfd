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
AT_ONCE = 12
STOCK = 40
PEOPLE = 1200


@dataclass
class Crowd:
    """Those who wait, and what each does once he is called."""

    room: Room
    chance: random.Random
    held: list[str] = field(default_factory=list)
    clicked: int = 0

    async def click(self, user_id: str) -> None:
        order_id = f"C{self.chance.getrandbits(60)}"
        # Nobody carries orders here, and a room would wait for that.
        answer = await self.room.gate.reserve(request_for(order_id, user_id, announce=False))
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
        request = request_for(ticket.order_id, user_id, pass_units=1, announce=False)
        answers = await asyncio.gather(*(self.room.gate.reserve(request) for _ in range(2)))
        assert [one.verdict for one in answers] == [GateVerdict.RESERVED] * 2, answers
        assert {one.order_id for one in answers} == {ticket.order_id}
        self.held.append(ticket.order_id)


@dataclass
class Processes:
    """Each with a control of its own, and killed now and then in the middle of its turn."""

    redis: Redis
    clients: list[Redis]
    chance: random.Random

    async def turn(self) -> None:
        await self.redis.hdel(RoomKeys.of(ITEM).room, "last_ms")
        controls = [RoomControl(RoomGate(client)) for client in self.clients]
        turns = [asyncio.create_task(control.turn()) for control in controls]
        if self.chance.random() < 0.3:
            await asyncio.sleep(0)
            self.chance.choice(turns).cancel()
        await asyncio.gather(*turns, return_exceptions=True)


async def called_since(redis: Redis, after: str) -> tuple[list[str], str]:
    entries: Any = await redis.xrange(RoomKeys.of(ITEM).joins, after)
    called = [fields["user"] for _, fields in entries if fields["what"] == TicketChange.CALLED]
    return called, f"({entries[-1][0]}" if entries else after


def assert_nothing_is_lost(
    happened: list[ChangedTicket], counts: dict[str, int], clicked: int
) -> None:
    called = [one.ticket.number for one in happened if one.what is TicketChange.CALLED]
    # In order, and nobody twice.
    assert called == sorted(set(called))
    whats = Counter(one.what for one in happened)
    assert min(whats[what] for what in (TicketChange.LEFT, TicketChange.LAPSED)) > 10
    # Each unit that came back was sold again, or is free: nobody has one that another has.
    assert whats[TicketChange.USED] + clicked + counts["stock"] == STOCK + RETURNS
    tickets = {one.ticket.user_id: one.ticket for one in happened}
    states = Counter(ticket.state for ticket in tickets.values())
    assert states.total() == PEOPLE
    assert counts["promised"] == states[TicketState.FETCHED]
    assert counts["called"] == states[TicketState.CALLED]
    assert counts["waiting"] == states[TicketState.WAITING]
    waiting = [one.number for one in tickets.values() if one.state is TicketState.WAITING]
    assert min(waiting) > max(called)


async def test_each_returned_unit_is_offered_in_order_and_to_exactly_one(
    redis: Redis, redis_url: str
) -> None:
    room = await Room.open(redis, stock=STOCK, admission=Admission.OPEN)
    crowd = Crowd(room, random.Random(7))
    clients = [Redis.from_url(redis_url, decode_responses=True) for _ in range(3)]
    processes = Processes(redis, clients, crowd.chance)
    await asyncio.gather(*(crowd.click(f"first-{n}") for n in range(STOCK)))
    for first in range(0, PEOPLE, STOCK):
        await asyncio.gather(*(room.join(f"u{n}") for n in range(first, first + STOCK)))

    returned, seen = 0, "-"
    while returned < RETURNS:
        some = min(AT_ONCE, len(crowd.held), RETURNS - returned)
        returned += some
        await asyncio.gather(processes.turn(), *(crowd.give_back() for _ in range(some)))
        called, seen = await called_since(redis, seen)
        clicker = crowd.click(f"clicker-{returned}")
        await asyncio.gather(processes.turn(), clicker, *map(crowd.answer, called))
        if crowd.chance.random() < 0.5:
            await asyncio.gather(room.let_passes_end(), room.let_calls_pass())
        counts = await room.counts()
        assert counts["promised"] + counts["called"] <= counts["stock"]
        assert counts["stock"] + len(crowd.held) == STOCK
    for client in clients:
        await client.aclose()

    happened = [change_from(fields) for fields in await stream_of(redis, RoomKeys.of(ITEM).joins)]
    assert_nothing_is_lost(happened, await room.counts(), crowd.clicked)
