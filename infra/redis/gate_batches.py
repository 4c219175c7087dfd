"""The gate's hot path: requests of one moment become one pipeline, a script call per item.

A few pipelines are under way at once, so that Redis has work while we read its answers.
"""

from collections.abc import Hashable, Mapping

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

from domain.reservation import GateAnswer, GateVerdict, ReserveRequest
from infra.group_commit import Fault, FlightPlan, GroupCommit
from infra.redis.keys import BELL, LIVE_STREAMS, keys_of, room_keys_of

MAX_BATCH = 256
MAX_FLIGHTS = 4
_VERDICTS = {verdict.value: verdict for verdict in GateVerdict}
_BARE_ANSWERS = {verdict.value: GateAnswer(verdict=verdict) for verdict in GateVerdict}
_TIMED = frozenset({GateVerdict.NOT_STARTED.value, GateVerdict.ENDED.value})


class ReserveBatches:
    def __init__(self, redis: Redis, script: AsyncScript, queue_limit: int) -> None:
        self._redis = redis
        self._script = script
        # Whoever came first is served first, and the script knows a repeat by itself: no call here
        # has a twin. The client has tried again before it raises.
        plan = FlightPlan[int, ReserveRequest](
            key=id, most=MAX_BATCH, at_once=MAX_FLIGHTS, queue_limit=queue_limit, tries=1
        )
        commit = GroupCommit[int, ReserveRequest, GateAnswer](
            plan, self._fly, lambda _: Fault.THE_SERVER
        )
        # The script's answer. Raises Overloaded, or what redis-py raises.
        self.reserve = commit.call

    async def _fly(
        self, _: Hashable, requests: Mapping[int, ReserveRequest]
    ) -> dict[int, GateAnswer | Exception]:
        groups = list(_by_item(requests).values())
        answers: dict[int, GateAnswer | Exception] = {}
        for group, reply in zip(groups, await self._call(groups), strict=True):
            if isinstance(reply, Exception):
                # Trouble with one item stays with that item.
                answers.update(dict.fromkeys(group, reply))
            else:
                answers.update(zip(group, map(_parse, reply), strict=True))
        return answers

    async def _call(self, groups: list[dict[int, ReserveRequest]]) -> list[list[str] | Exception]:
        replies = await self._pipeline(groups)
        # A restarted Redis has forgotten its scripts; it says so before it has done anything.
        forgotten = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if forgotten:
            await self._redis.script_load(self._script.script)
            again = await self._pipeline([groups[i] for i in forgotten])
            for i, reply in zip(forgotten, again, strict=True):
                replies[i] = reply
        return replies

    async def _pipeline(
        self, groups: list[dict[int, ReserveRequest]]
    ) -> list[list[str] | Exception]:
        pipeline = self._redis.pipeline(transaction=False)
        for group in groups:
            pipeline.execute_command("EVALSHA", self._script.sha, *_arguments(group))
        return await pipeline.execute(raise_on_error=False)


def _by_item(
    requests: Mapping[int, ReserveRequest],
) -> dict[tuple[str, str], dict[int, ReserveRequest]]:
    groups: dict[tuple[str, str], dict[int, ReserveRequest]] = {}
    for key, request in requests.items():
        item = request.item
        groups.setdefault((item.sale_id, item.sku_id), {})[key] = request
    return groups


def _arguments(group: dict[int, ReserveRequest]) -> list[str | int]:
    item = next(iter(group.values())).item
    keys = keys_of(item.sale_id, item.sku_id)
    passes: tuple[str, ...] = ()
    if any(request.pass_units for request in group.values()):
        room = room_keys_of(item.sale_id, item.sku_id)
        passes = (room.passes, room.tickets, room.room, room.joins)
    arguments: list[str | int] = [
        7 + len(passes),
        keys.item,
        keys.buyers,
        keys.reservations,
        keys.requests,
        keys.intents,
        LIVE_STREAMS,
        BELL,
        *passes,
    ]
    for request in group.values():
        flags = "a" if request.announce else ""
        if request.late:
            flags += "l"
        if request.known_only:
            flags += "k"
        if request.pass_units:
            flags += f"p{request.pass_units}"
        arguments += (
            request.order_id,
            request.user_id,
            request.quantity,
            request.idempotency_key,
            flags,
        )
    return arguments


def _parse(line: str) -> GateAnswer:
    verdict, _, detail = line.partition(" ")
    if not detail:
        return _BARE_ANSWERS[verdict]
    if verdict in _TIMED:
        return GateAnswer(verdict=_VERDICTS[verdict], at_ms=int(detail))
    if verdict == GateVerdict.SOLD_OUT.value:
        return GateAnswer(verdict=GateVerdict.SOLD_OUT, waiting=int(detail))
    return GateAnswer(verdict=_VERDICTS[verdict], order_id=detail)
