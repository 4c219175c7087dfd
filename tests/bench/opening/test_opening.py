"""An opening with two thousand people in it: bots who click five times have one place each."""

import math

import pytest
from redis.asyncio import Redis

from bench.opening.opening import play
from bench.opening.people import People
from bench.opening.pipelined import PipelinedRedis
from bench.opening.report import RoomReport
from domain.sale import Admission

PEOPLE = People.of(2_000, clicks_of_a_bot=5)
# Once in ten thousand times chance alone is that kind to bots.
DEVIATIONS = 3.7


def most_by_chance(room: RoomReport) -> float:
    share = room.bots / room.people
    left = (room.people - room.sold) / (room.people - 1)
    return room.sold * share + DEVIATIONS * math.sqrt(room.sold * share * (1 - share) * left)


@pytest.mark.parametrize("admission", [Admission.DRAW, Admission.QUEUE])
async def test_many_clicks_are_worth_one(
    redis: Redis, redis_url: str, admission: Admission
) -> None:
    said: list[str] = []
    async with PipelinedRedis(redis_url) as together:
        room = await play(together, admission, PEOPLE, said.append)

    assert room.wrong == ()
    assert room.clicks == 1_400 + 600 * 5
    assert room.tickets == 2_000
    assert room.places_hold, room.places
    assert room.sold == room.units == 400
    assert room.sold_to_bots <= most_by_chance(room)
    assert room.told_over == room.asked_at_the_end
    assert room.ok
    assert said
