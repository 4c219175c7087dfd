"""The gate's hot path: requests of one moment become one script call per item.

Waiting requests board a flight (at most `MAX_BATCH`), a flight is one pipeline, and a few flights
are in the air at once. A flight answers each of its requests, or fails each of them.
"""

import asyncio
from collections import deque
from typing import NamedTuple

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

from domain.reservation import GateAnswer, GateVerdict, ReserveRequest
from infra.redis.keys import keys_of

MAX_BATCH = 256
MAX_FLIGHTS = 4
_VERDICTS = {verdict.value: verdict for verdict in GateVerdict}
_BARE_ANSWERS = {verdict.value: GateAnswer(verdict=verdict) for verdict in GateVerdict}
_TIMED = frozenset({GateVerdict.NOT_STARTED.value, GateVerdict.ENDED.value})


class Overloaded(Exception):
    """More requests wait for Redis than may: the caller should be told to come back."""


class Passenger(NamedTuple):
    request: ReserveRequest
    answer: asyncio.Future[GateAnswer]


class ReserveBatches:
    def __init__(self, redis: Redis, script: AsyncScript, queue_limit: int) -> None:
        self._redis = redis
        self._script = script
        self._queue_limit = queue_limit
        self._waiting: deque[Passenger] = deque()
        self._flights: set[asyncio.Task[None]] = set()
        self._departure_called = False

    async def reserve(self, request: ReserveRequest) -> GateAnswer:
        """The script's answer. Raises Overloaded, or what redis-py raises.

        Cancelling the caller before departure withdraws the request; after it, the reservation
        may stand, as it does when an answer is lost on its way.
        """
        if len(self._waiting) >= self._queue_limit:
            raise Overloaded(f"{len(self._waiting)} requests wait for Redis")
        loop = asyncio.get_running_loop()
        passenger = Passenger(request, loop.create_future())
        self._waiting.append(passenger)
        # The next turn of the loop, so that everything that arrives in this one flies together.
        if not self._departure_called and len(self._flights) < MAX_FLIGHTS:
            self._departure_called = True
            loop.call_soon(self._depart)
        return await passenger.answer

    def _depart(self) -> None:
        self._departure_called = False
        while len(self._flights) < MAX_FLIGHTS and (passengers := self._board()):
            flight = asyncio.get_running_loop().create_task(self._fly(passengers))
            self._flights.add(flight)
            flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        # Passengers who came while all flights were in the air go with the next one.
        self._flights.discard(flight)
        self._depart()

    def _board(self) -> list[Passenger]:
        passengers: list[Passenger] = []
        while self._waiting and len(passengers) < MAX_BATCH:
            passenger = self._waiting.popleft()
            if not passenger.answer.done():
                passengers.append(passenger)
        return passengers

    async def _fly(self, passengers: list[Passenger]) -> None:
        groups = list(_by_item(passengers).values())
        try:
            replies = await self._call(groups)
        except asyncio.CancelledError:
            for passenger in passengers:
                passenger.answer.cancel()
            raise
        except Exception as error:
            _fail(passengers, error)
            return
        for group, reply in zip(groups, replies, strict=True):
            if isinstance(reply, Exception):
                _fail(group, reply)
                continue
            for passenger, line in zip(group, reply, strict=True):
                # Who gave up waiting is not told; the reservation stands and is found by its key.
                if not passenger.answer.done():
                    passenger.answer.set_result(_parse(line))

    async def _call(self, groups: list[list[Passenger]]) -> list[list[str] | Exception]:
        replies = await self._pipeline(groups)
        # A restarted Redis has forgotten its scripts; it says so before it has done anything.
        forgotten = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if forgotten:
            await self._redis.script_load(self._script.script)
            again = await self._pipeline([groups[i] for i in forgotten])
            for i, reply in zip(forgotten, again, strict=True):
                replies[i] = reply
        return replies

    async def _pipeline(self, groups: list[list[Passenger]]) -> list[list[str] | Exception]:
        pipeline = self._redis.pipeline(transaction=False)
        for group in groups:
            pipeline.execute_command("EVALSHA", self._script.sha, *_arguments(group))
        return await pipeline.execute(raise_on_error=False)


def _by_item(passengers: list[Passenger]) -> dict[tuple[str, str], list[Passenger]]:
    groups: dict[tuple[str, str], list[Passenger]] = {}
    for passenger in passengers:
        item = passenger.request.item
        groups.setdefault((item.sale_id, item.sku_id), []).append(passenger)
    return groups


def _arguments(group: list[Passenger]) -> list[str | int]:
    item = group[0].request.item
    keys = keys_of(item.sale_id, item.sku_id)
    arguments: list[str | int] = [
        5,
        keys.item,
        keys.buyers,
        keys.reservations,
        keys.requests,
        keys.intents,
    ]
    for request, _ in group:
        flags = ("a" if request.announce else "") + ("l" if request.late else "")
        arguments += (
            request.order_id,
            request.user_id,
            request.quantity,
            request.idempotency_key,
            flags,
        )
    return arguments


def _fail(passengers: list[Passenger], error: Exception) -> None:
    for passenger in passengers:
        if not passenger.answer.done():
            passenger.answer.set_exception(error)


def _parse(line: str) -> GateAnswer:
    verdict, _, detail = line.partition(" ")
    if not detail:
        return _BARE_ANSWERS[verdict]
    if verdict in _TIMED:
        return GateAnswer(verdict=_VERDICTS[verdict], at_ms=int(detail))
    return GateAnswer(verdict=_VERDICTS[verdict], order_id=detail)
