import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import NamedTuple

import pytest

from infra.group_commit import (
    LEAST_TOGETHER,
    Fault,
    FlightPlan,
    GroupCommit,
    Overloaded,
    Unanswered,
)


class Call(NamedTuple):
    """`key` names it, `about` its subject, `lane` where it flies."""

    key: str
    about: str = ""
    lane: str = "mug"


PLAN = FlightPlan[str, Call](key=lambda call: call.key)


class BadMember(Exception):
    pass


class Away(Exception):
    pass


class Deadlock(Exception):
    pass


def _blame(error: Exception) -> Fault:
    return {Away: Fault.THE_SERVER, Deadlock: Fault.CHANCE}.get(type(error), Fault.A_MEMBER)


class Runway:
    """Keeps each flight's keys, does what `on_flight` says, and answers each key in capitals."""

    def __init__(self) -> None:
        self.flights: list[list[str]] = []
        self.in_the_air = 0
        self.most_in_the_air = 0
        self.on_flight: Callable[[list[str]], Awaitable[None]] | None = None
        self.held = asyncio.Event()
        self.held.set()

    async def fly(self, _: Hashable, members: Mapping[str, Call]) -> dict[str, str | Exception]:
        self.flights.append(list(members))
        self.in_the_air += 1
        self.most_in_the_air = max(self.most_in_the_air, self.in_the_air)
        try:
            await self.held.wait()
            await asyncio.sleep(0)
            if self.on_flight:
                await self.on_flight(list(members))
        finally:
            self.in_the_air -= 1
        return {key: key.upper() for key in members}


def _group(runway: Runway, **plan: object) -> GroupCommit[str, Call, str]:
    terms = {"first_pause_seconds": 0.01, "lane": lambda call: call.lane, **plan}
    return GroupCommit(FlightPlan(key=lambda call: call.key, **terms), runway.fly, _blame)  # type: ignore[arg-type]


@pytest.fixture
def runway() -> Runway:
    return Runway()


async def _all(group: GroupCommit[str, Call, str], *calls: Call) -> list[str | BaseException]:
    return await asyncio.gather(*map(group.call, calls), return_exceptions=True)


async def test_what_arrives_together_flies_together_and_is_answered_by_key(runway: Runway) -> None:
    assert await _all(_group(runway), Call("b"), Call("a"), Call("c")) == ["B", "A", "C"]
    assert runway.flights == [["b", "a", "c"]]


async def test_members_fly_sorted_where_rows_are_locked(runway: Runway) -> None:
    assert await _all(_group(runway, in_order=True), Call("b"), Call("a")) == ["B", "A"]
    assert runway.flights == [["a", "b"]]


async def test_twins_are_one_member_and_share_its_answer(runway: Runway) -> None:
    assert await _all(_group(runway), *[Call("a")] * 3, Call("b")) == ["A", "A", "A", "B"]
    assert runway.flights == [["a", "b"]]


async def test_the_second_call_about_one_subject_waits_for_the_next_flight(runway: Runway) -> None:
    group = _group(runway, subject=lambda call: call.about)
    answers = await _all(group, Call("a", "order"), Call("b", "order"), Call("c", "other"))
    assert answers == ["A", "B", "C"]
    assert runway.flights == [["a", "c"], ["b"]]


async def test_a_lane_has_one_flight_in_the_air_and_whoever_comes_meanwhile_shares_the_next(
    runway: Runway,
) -> None:
    group = _group(runway)
    runway.held.clear()
    first = asyncio.create_task(group.call(Call("a")))
    elsewhere = asyncio.create_task(group.call(Call("x", lane="cup")))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(group.call(Call(key))) for key in "bcd"]
    await asyncio.sleep(0.01)
    assert runway.flights == [["a"], ["x"]]
    runway.held.set()
    assert await asyncio.gather(first, elsewhere, *rest) == ["A", "X", "B", "C", "D"]
    assert runway.flights == [["a"], ["x"], ["b", "c", "d"]]


async def test_a_flight_has_no_more_members_than_allowed(runway: Runway) -> None:
    group = _group(runway, most=3, at_once=2)
    await _all(group, *(Call(str(n)) for n in range(8)))
    assert [len(flight) for flight in runway.flights] == [3, 3, 2]
    assert runway.most_in_the_air == 2


async def test_flights_that_take_too_long_grow_smaller_and_grow_again(runway: Runway) -> None:
    group = _group(runway, most=64, budget_seconds=0.02)
    crowd = [Call(f"{n:03}") for n in range(200)]

    async def slowly(_: list[str]) -> None:
        await asyncio.sleep(0.03)

    runway.on_flight = slowly
    await _all(group, *crowd)
    sizes = [len(flight) for flight in runway.flights]
    assert sizes[:3] == [64, 32, LEAST_TOGETHER]
    assert set(sizes[3:-1]) == {LEAST_TOGETHER}

    runway.flights, runway.on_flight = [], None
    await _all(group, *crowd)
    assert max(len(flight) for flight in runway.flights) == 64


async def test_a_bad_member_is_found_by_halves_and_nobody_else_suffers(runway: Runway) -> None:
    async def refuse_c(keys: list[str]) -> None:
        if "c" in keys:
            raise BadMember("c")

    runway.on_flight = refuse_c
    answers = await _all(_group(runway), *map(Call, "abcde"))
    assert isinstance(answers.pop(2), BadMember)
    assert answers == ["A", "B", "D", "E"]
    assert runway.flights == [list("abcde"), ["a", "b"], ["c", "d", "e"], ["c"], ["d", "e"]]


async def test_an_absent_server_is_asked_the_same_again(runway: Runway) -> None:
    async def away_at_first(_: list[str]) -> None:
        if len(runway.flights) < 3:
            raise Away

    runway.on_flight = away_at_first
    assert await _all(_group(runway), Call("a"), Call("b")) == ["A", "B"]
    assert runway.flights == [["a", "b"]] * 3


async def test_a_server_that_stays_away_fails_everybody_in_the_end(runway: Runway) -> None:
    async def away(_: list[str]) -> None:
        raise Away

    runway.on_flight = away
    answers = await _all(_group(runway, tries=2), Call("a"), Call("b"))
    assert [type(answer) for answer in answers] == [Away, Away]
    assert runway.flights == [["a", "b"]] * 2


async def test_a_deadlock_is_repeated_at_once(runway: Runway) -> None:
    async def deadlock_once(_: list[str]) -> None:
        if len(runway.flights) == 1:
            raise Deadlock

    runway.on_flight = deadlock_once
    group = _group(runway, first_pause_seconds=60.0)
    async with asyncio.timeout(30):
        assert await group.call(Call("a")) == "A"
    assert len(runway.flights) == 2


async def test_leaving_before_departure_withdraws_the_call_unless_a_twin_waits(
    runway: Runway,
) -> None:
    group = _group(runway)
    calls = [asyncio.create_task(group.call(Call(key))) for key in ("a", "b", "b")]
    await asyncio.sleep(0)
    calls[0].cancel()
    calls[1].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers[:2]] == [asyncio.CancelledError] * 2
    assert answers[2] == "B"
    assert runway.flights == [["b"]]


async def test_leaving_in_flight_harms_nobody_else(runway: Runway) -> None:
    group = _group(runway)
    runway.held.clear()
    calls = [asyncio.create_task(group.call(Call(key))) for key in "ab"]
    await asyncio.sleep(0.01)
    calls[0].cancel()
    runway.held.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1] == "B"


async def test_more_than_may_wait_are_refused_at_once(runway: Runway) -> None:
    answers = await _all(_group(runway, queue_limit=2), *map(Call, "abc"))
    assert answers[:2] == ["A", "B"]
    assert isinstance(answers[2], Overloaded)


async def test_a_member_without_an_answer_hears_so() -> None:
    async def forget(_: Hashable, members: Mapping[str, Call]) -> dict[str, str | Exception]:
        return dict.fromkeys(list(members)[1:], "there")

    group = GroupCommit[str, Call, str](PLAN, forget, _blame)
    answers = await _all(group, Call("a"), Call("b"))
    assert isinstance(answers[0], Unanswered)
    assert answers[1] == "there"


async def test_an_error_may_be_the_answer_of_one_member() -> None:
    async def judge(_: Hashable, members: Mapping[str, Call]) -> dict[str, str | Exception]:
        return {key: BadMember(key) if key == "a" else key for key in members}

    group = GroupCommit[str, Call, str](PLAN, judge, _blame)
    answers = await _all(group, Call("a"), Call("b"))
    assert isinstance(answers[0], BadMember)
    assert answers[1] == "b"


async def test_lanes_where_nobody_waits_are_forgotten(runway: Runway) -> None:
    group = _group(runway)
    await _all(group, *(Call("a", lane=f"item {n}") for n in range(50)))
    await asyncio.sleep(0)
    assert group._lanes == {}
