"""The room of an item on a real Redis: joining, being called, entering, ordering."""

import pytest
from redis.asyncio import Redis

from domain.reservation import GateVerdict
from domain.room import RoomVerdict, TicketState
from domain.sale import Admission
from tests.support.gate import request_for
from tests.support.rooms import Room


@pytest.fixture
async def queue(redis: Redis) -> Room:
    return await Room.open(redis, stock=3, admission=Admission.QUEUE)


async def test_a_place_becomes_a_call_a_pass_and_an_order(queue: Room) -> None:
    ada, bob = await queue.join("ada"), await queue.join("bob")
    assert (ada.place, bob.place) == (1, 2)
    early = await queue.gate.reserve(request_for("X", "ada"))
    assert early.verdict is GateVerdict.NOT_YOUR_TURN

    await queue.turn()
    given = await queue.enter("ada")
    again = await queue.enter("ada")

    assert given.verdict is RoomVerdict.PASS
    assert given.ticket is not None
    assert again.ticket == given.ticket
    order = request_for(given.ticket.order_id, "ada", pass_units=1)
    assert (await queue.gate.reserve(order)).verdict is GateVerdict.RESERVED
    assert (await queue.gate.reserve(order)).order_id == given.ticket.order_id
    assert await queue.state_of("ada") is TicketState.USED
    assert await queue.counts() == {"stock": 2, "held": 1, "promised": 0, "called": 1, "waiting": 0}
