"""A chaos run: a crowd rushes a sale, fault after fault strikes the stack, and between two of them
it must come to rest by itself."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import asyncpg
import httpx
from redis.exceptions import RedisError
from rich.console import Console

from domain.audit import Check
from practice.chaos.faults import Fault
from practice.chaos.logs import warnings_in
from practice.chaos.plan import ChaosPlan
from practice.chaos.report import ChaosReport, Needed, StruckRound
from practice.chaos.rest import Rest
from practice.chaos.stack import ChaosStack, open_chaos_stack
from practice.chaos.strikes import struck
from practice.rush.plan import NoRush, StackAddress
from practice.rush.report import RushReport
from practice.rush.scenario import rush
from practice.rush.views import SeenAudit
from practice.stack.home import Home
from practice.stack.loopback import loopback_http
from practice.stack.parts import APPLICATIONS
from practice.stack.stack_file import StackFile

# So that there is something new to be struck.
BREATH_SECONDS = 0.5
AUDIT_SECONDS = 300.0
_UNREACHABLE = (OSError, TimeoutError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError)
_ATTENTIONS = """
SELECT kind, subject, what, raised_at, resolved_at FROM attentions ORDER BY raised_at
"""
_REPAIRS = "SELECT kind FROM repairs"


class Aftermath(NamedTuple):
    """Attentions that are open; how many were ever raised, and what the system has put right by
    itself, each by kind."""

    needed: tuple[Needed, ...]
    attentions: Counter[str]
    repairs: Counter[str]


async def chaos(
    plan: ChaosPlan, home: Home, tell: Callable[[StruckRound], None] = lambda _: None
) -> ChaosReport:
    """The whole run, on a stack of its own in this home, which is stopped afterwards. `tell` hears
    of each round. Raises what `start_stack` raises when there is nothing to strike."""
    began, load = time.monotonic(), os.getloadavg()[0]
    async with open_chaos_stack(home) as stack, Rest(stack) as rest:
        crowd = asyncio.create_task(come(plan, stack.stack_file))
        try:
            rounds = await _strike(plan, stack, rest, crowd, tell)
            seen = await crowd
        finally:
            crowd.cancel()
            await asyncio.gather(crowd, return_exceptions=True)
        await rest.until(time.time(), plan.rest_seconds)
        aftermath = await what_is_left(stack)
        audit = await whole_audit(stack.stack_file)
    return ChaosReport(
        plan=plan,
        seconds=time.monotonic() - began,
        rounds=tuple(rounds),
        audit=audit,
        needed=aftermath.needed,
        attentions=aftermath.attentions,
        repairs=aftermath.repairs,
        warnings=warnings_in(home.log(name) for name in APPLICATIONS),
        load=(load, os.getloadavg()[0]),
        rush=seen if isinstance(seen, RushReport) else None,
        broken="" if isinstance(seen, RushReport) else seen,
    )


async def come(plan: ChaosPlan, stack: StackFile) -> RushReport | str:
    """What came of the plan's rush, or why there was none."""
    address = StackAddress.model_validate(stack.model_dump())
    # The rounds are what is to be seen.
    unseen = Console(quiet=True, force_terminal=False)
    try:
        return await rush(plan.crowd, address, unseen)
    except NoRush as error:
        return str(error)


async def strike(
    stack: ChaosStack, rest: Rest, faults: tuple[Fault, ...], within_seconds: float
) -> StruckRound:
    """All of them at one moment; returns when the system is at rest again, or it is given up."""
    began = time.monotonic()
    ends = await asyncio.gather(*(_endure(stack, fault) for fault in faults))
    over = max(end for end, _ in ends)
    rested = await rest.until(over, within_seconds)
    return StruckRound(
        at=began,
        faults=faults,
        recovery=rested.seconds,
        last=rested.last,
        unrest=rested.unrest,
        not_struck=tuple(why for _, why in ends if why),
    )


async def whole_audit(stack: StackFile) -> tuple[Check, ...]:
    """As an operator asks for it; nothing if that is not answered."""
    operator = {"Authorization": f"Bearer {stack.operator_token}"}
    try:
        async with loopback_http(stack.api_url, AUDIT_SECONDS) as http:
            answer = await http.post("/v1/operator/audits", json={"whole": True}, headers=operator)
            return SeenAudit.model_validate_json(answer.raise_for_status().content).checks
    except httpx.HTTPError:
        return ()


async def what_is_left(stack: ChaosStack) -> Aftermath:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(stack.address("postgres"))
    try:
        raised = await connection.fetch(_ATTENTIONS)
        repaired = await connection.fetch(_REPAIRS)
    finally:
        await connection.close()
    return Aftermath(
        tuple(Needed.model_validate(dict(row)) for row in raised if row["resolved_at"] is None),
        Counter(str(row["kind"]) for row in raised),
        Counter(str(row["kind"]) for row in repaired),
    )


async def _strike(
    plan: ChaosPlan,
    stack: ChaosStack,
    rest: Rest,
    crowd: asyncio.Task[RushReport | str],
    tell: Callable[[StruckRound], None],
) -> list[StruckRound]:
    """Round after round, from the first order on until the time is up."""
    while not (crowd.done() or await rest.orders()):  # noqa: ASYNC110
        await asyncio.sleep(BREATH_SECONDS)
    began, rounds = time.monotonic(), list[StruckRound]()
    for faults in plan.rounds():
        if crowd.done() or time.monotonic() - began > plan.seconds:
            break
        one = await strike(stack, rest, faults, plan.rest_seconds)
        rounds.append(one.model_copy(update={"at": one.at - began}))
        tell(rounds[-1])
        await asyncio.sleep(BREATH_SECONDS)
    return rounds


async def _endure(stack: ChaosStack, fault: Fault) -> tuple[float, str]:
    """When the fault was over (epoch), and why it could not be done, if it could not."""
    over = time.time()
    try:
        async with struck(stack, fault):
            await asyncio.sleep(fault.seconds)
            # What is started again now, takes its time: that belongs to the recovery.
            over = time.time()
    except _UNREACHABLE as error:
        return time.time(), f"{fault}: {error!r}"
    return over, ""
