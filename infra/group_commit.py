"""Calls that arrive together are carried out together: as one flight, answered each by its key.

Redis and Postgres are reached by it alike: a round trip, a commit and the lock of a hot row are
paid once for all that came while the flight before was in the air.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

Key = TypeVar("Key", bound=Hashable)
Member = TypeVar("Member")
Answer = TypeVar("Answer")

TRIES = 3
FIRST_PAUSE_SECONDS = 0.1
# However slow a commit is, so many may share it.
LEAST_TOGETHER = 16


class Overloaded(Exception):
    """More calls wait than may: the caller should be told to come back."""


class Unanswered(Exception):
    """A flight came back without a word on one of its members."""


class Fault(Enum):
    """Who is to blame for a flight that failed: A_MEMBER by what it says, so that the others fly
    without it; THE_SERVER, which is asked the same again; or CHANCE, as a deadlock, which has
    undone everything and is gone at once."""

    A_MEMBER = auto()
    THE_SERVER = auto()
    CHANCE = auto()


# One flight: its members by key, and what became of each. An exception is an answer too.
Flight: TypeAlias = Callable[
    [Hashable, Mapping[Key, Member]], Awaitable[Mapping[Key, Answer | Exception]]
]


@dataclass(frozen=True)
class FlightPlan(Generic[Key, Member]):
    """How calls are put together.

    `key` names a call: twins that wait at one moment are one member and share its answer.
    `lane`: only calls of one lane fly together, and a lane has `at_once` flights in the air;
    without it all are of one.
    `subject`: no two members of one flight share it; the second waits for the next one.
    `in_order`: members fly sorted by key, so that two processes lock the same rows in one order;
    otherwise as they came. `most` members fly together, and fewer where a flight takes longer than
    `budget_seconds`, for so long it locks its rows. `queue_limit` calls may wait in all.
    """

    key: Callable[[Member], Key]
    lane: Callable[[Member], Hashable] | None = None
    subject: Callable[[Member], Hashable] | None = None
    in_order: bool = False
    most: int = 200
    budget_seconds: float | None = None
    at_once: int = 1
    queue_limit: int = 100_000
    tries: int = TRIES
    first_pause_seconds: float = FIRST_PAUSE_SECONDS


@dataclass(slots=True, eq=False)
class _Seat(Generic[Key, Member, Answer]):
    key: Key
    member: Member
    answers: list[asyncio.Future[Answer]]

    @property
    def is_given_up(self) -> bool:
        return all(map(asyncio.Future.done, self.answers))


_Seats: TypeAlias = dict[Key, _Seat[Key, Member, Answer]]


@dataclass(slots=True)
class _Lane(Generic[Key, Member, Answer]):
    """`waiting` in the order they came, also found by key for their twins."""

    name: Hashable
    most: int
    waiting: deque[_Seat[Key, Member, Answer]] = field(default_factory=deque)
    seats: _Seats[Key, Member, Answer] = field(default_factory=dict)
    in_the_air: int = 0
    departure_called: bool = False


class GroupCommit(Generic[Key, Member, Answer]):
    """`fly` carries out the members of one lane; it may be called again with the same ones, or
    with a part of them, and must then answer as the first time. `blame` judges its errors."""

    def __init__(
        self,
        plan: FlightPlan[Key, Member],
        fly: Flight[Key, Member, Answer],
        blame: Callable[[Exception], Fault],
    ) -> None:
        self._plan = plan
        self._carry_out = fly
        self._blame = blame
        self._lanes: dict[Hashable, _Lane[Key, Member, Answer]] = {}
        self._waiting = 0
        self._flights: set[asyncio.Task[None]] = set()

    async def call(self, member: Member) -> Answer:
        """The member's own answer. Raises Overloaded, what `fly` answered for it, or what `fly`
        raises.

        Cancelling the caller before departure withdraws the call, unless a twin waits for it too;
        after it, the effect may stand, as it does when an answer is lost on its way.
        """
        if self._waiting >= self._plan.queue_limit:
            raise Overloaded(f"{self._waiting} calls wait")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        key = self._plan.key(member)
        name = self._plan.lane(member) if self._plan.lane else None
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(name, self._plan.most)
        if twin := lane.seats.get(key):
            twin.answers.append(answer)
        else:
            seat = lane.seats[key] = _Seat(key, member, [answer])
            lane.waiting.append(seat)
            self._waiting += 1
        # The next turn of the loop, so that everything that arrives in this one flies together.
        if not lane.departure_called and lane.in_the_air < self._plan.at_once:
            lane.departure_called = True
            loop.call_soon(self._depart, lane)
        return await answer

    def _depart(self, lane: _Lane[Key, Member, Answer]) -> None:
        lane.departure_called = False
        while lane.in_the_air < self._plan.at_once and (aboard := self._board(lane)):
            lane.in_the_air += 1
            flight = asyncio.get_running_loop().create_task(self._fly(lane, aboard))
            self._flights.add(flight)
            flight.add_done_callback(lambda done: self._landed(lane, done))
        # Lanes are as many as there ever were items: one where nobody waits is forgotten.
        if not lane.in_the_air and not lane.waiting and self._lanes.get(lane.name) is lane:
            del self._lanes[lane.name]

    def _landed(self, lane: _Lane[Key, Member, Answer], flight: asyncio.Task[None]) -> None:
        # Whoever came while all flights were in the air goes with the next one.
        self._flights.discard(flight)
        lane.in_the_air -= 1
        self._depart(lane)

    def _board(self, lane: _Lane[Key, Member, Answer]) -> _Seats[Key, Member, Answer]:
        subject = self._plan.subject
        aboard: _Seats[Key, Member, Answer] = {}
        subjects: set[Hashable] = set()
        left_behind: list[_Seat[Key, Member, Answer]] = []
        while lane.waiting and len(aboard) < lane.most:
            seat = lane.waiting.popleft()
            if subject and (about := subject(seat.member)) in subjects:
                left_behind.append(seat)
                continue
            del lane.seats[seat.key]
            self._waiting -= 1
            if not seat.is_given_up:
                aboard[seat.key] = seat
                if subject:
                    subjects.add(about)
        lane.waiting.extendleft(reversed(left_behind))
        if self._plan.in_order:
            return dict(sorted(aboard.items(), key=itemgetter(0)))
        return aboard

    async def _fly(
        self, lane: _Lane[Key, Member, Answer], aboard: _Seats[Key, Member, Answer]
    ) -> None:
        departed = time.monotonic()
        try:
            await self._try(lane.name, aboard)
        except asyncio.CancelledError:
            for seat in aboard.values():
                for answer in seat.answers:
                    answer.cancel()
            raise
        if self._plan.budget_seconds:
            took = time.monotonic() - departed
            lane.most = _next_size(self._plan, lane.most, len(aboard), took)

    async def _try(self, lane: Hashable, aboard: _Seats[Key, Member, Answer]) -> None:
        """Until each seat is answered."""
        members = {key: seat.member for key, seat in aboard.items()}
        for attempt in range(1, self._plan.tries + 1):
            try:
                answers = await self._carry_out(lane, members)
            except Exception as error:
                fault = self._blame(error)
                if fault is Fault.A_MEMBER and len(aboard) > 1:
                    break
                if fault is Fault.A_MEMBER or attempt == self._plan.tries:
                    for seat in aboard.values():
                        _tell(seat, error)
                    return
                if fault is Fault.THE_SERVER:
                    await asyncio.sleep(self._plan.first_pause_seconds * 2 ** (attempt - 1))
            else:
                for key, seat in aboard.items():
                    _tell(seat, answers[key] if key in answers else Unanswered(f"about {key}"))
                return
        # One after the other, in the same order, as if each had come by itself.
        keys, half = iter(aboard), len(aboard) // 2
        for part in (tuple(islice(keys, half)), tuple(keys)):
            await self._try(lane, {key: aboard[key] for key in part})


def _next_size(plan: FlightPlan[Any, Any], most: int, flown: int, took: float) -> int:
    budget = plan.budget_seconds or 0.0
    if took > budget and flown >= most:
        return max(most // 2, min(LEAST_TOGETHER, plan.most))
    return min(most * 2, plan.most) if took < budget / 2 else most


def _tell(seat: _Seat[Key, Member, Answer], said: Answer | Exception) -> None:
    """Who gave up waiting is not told; what was done stands, and is found by its key."""
    for answer in seat.answers:
        if answer.done():
            continue
        if isinstance(said, Exception):
            answer.set_exception(said)
        else:
            answer.set_result(said)
