"""Eight faults strike a stack in the middle of rushes, one after another. After each the system
comes to rest by itself, and in the end nothing is lost and nobody is needed."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from practice.chaos.faults import Fault, FaultKind, Misconduct
from practice.chaos.rest import Rest
from practice.chaos.run import strike, what_is_left, whole_audit
from practice.chaos.stack import ChaosStack, frozen, open_chaos_stack
from practice.stack.home import Home
from practice.stack.parts import PROCESSES
from tests.support.chaos_waves import waves
from tests.support.order_progress import OrderWatch
from tests.support.second_worker import another_worker

# Only what never comes to rest is given up.
REST_SECONDS = 120.0
# Longer than any of our calls waits for Temporal.
FROZEN_SECONDS = 6.0
DEAD_SECONDS = 0.5
# Those who live on depend on those who die, and must find them again.
DEATHS = (("worker", "redis"), ("api", "postgres"), ("temporal", "sandbox"))
# No process dies, and none of them hears of another what it waits for.
STRUCK = (
    (
        Fault(kind=FaultKind.MUTE, target="redis", seconds=3.0),
        Fault(kind=FaultKind.PROVIDER, target="sandbox", conduct=Misconduct.LIES, seconds=3.0),
    ),
    (Fault(kind=FaultKind.FULL, target="postgres", seconds=1.0),),
    (
        Fault(kind=FaultKind.CUT, target="temporal", seconds=1.0),
        Fault(kind=FaultKind.SLOW, target="postgres", seconds=1.0),
    ),
)


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(420)
async def test_a_sale_outlives_eight_faults_one_after_another(tmp_path: Path) -> None:
    async with open_chaos_stack(Home(tmp_path / "home")) as stack, Rest(stack) as rest:
        async with waves(stack.stack_file) as rushes:
            await _temporal_stands_still(stack, rest)
            await _workers_stand_still(stack, rest, tmp_path / "second.log")
            for victims in DEATHS:
                await _die(stack, rest, victims)
            for together in STRUCK:
                await _struck(stack, rest, *together)
        audit = await whole_audit(stack.stack_file)
        left = await what_is_left(stack)

    assert [check for check in audit if not check.ok] == []
    assert len(audit) == 7
    assert left.needed == ()
    for one in rushes:
        assert [check for check in (*one.crowd, *one.audit) if not check.ok] == []
        assert one.ok
    assert sum(one.sold for one in rushes) > 0
    assert {victim for victims in DEATHS for victim in victims} == set(PROCESSES)


async def _temporal_stands_still(stack: ChaosStack, rest: Rest) -> None:
    """Orders are placed and paid all the same; what waits for it runs when it goes on."""
    async with _watch(stack) as watch:
        await watch.until_some_pay()
        with stack.frozen("temporal"):
            frozen = await watch.now()
            asleep = asyncio.create_task(asyncio.sleep(FROZEN_SECONDS))
            meanwhile = await watch.until_more(frozen, accepted=3)
            await watch.until_placed(meanwhile.accepted)
            waiting = await watch.until_more(meanwhile, paid=1)
            await asleep
            later = await watch.now()
    # It stood still indeed: none of those that waited for it was started.
    assert waiting.queued > 0
    assert later.queued >= waiting.queued
    await _comes_to_rest(rest)


async def _workers_stand_still(stack: ChaosStack, rest: Rest, log: Path) -> None:
    """One beside another, and goes on with what it had in hand when somebody else has done it."""
    first = stack.process("worker").pid
    async with another_worker(first, log) as second, _watch(stack) as watch:
        for pid in (first, second):
            seen = await watch.until_some_wait()
            with frozen(pid):
                # What it had claimed is claimed by the other, and its stories go on there.
                now = await watch.until_placed(seen.accepted)
                await watch.until_more(now, over=1)
    await _comes_to_rest(rest)


async def _die(stack: ChaosStack, rest: Rest, victims: tuple[str, ...]) -> None:
    before = {name: stack.process(name).pid for name in PROCESSES}
    async with _watch(stack) as watch:
        # What only the worker has in hand is most between a click and its order in Postgres.
        await (watch.until_some_wait() if "worker" in victims else watch.until_some_pay())
        deaths = (Fault(kind=FaultKind.KILL, target=one, seconds=DEAD_SECONDS) for one in victims)
        await _struck(stack, rest, *deaths)
    after = {name: stack.process(name).pid for name in PROCESSES}
    assert {name for name in PROCESSES if after[name] != before[name]} == set(victims)


async def _struck(stack: ChaosStack, rest: Rest, *faults: Fault) -> None:
    outcome = await strike(stack, rest, faults, REST_SECONDS)
    assert outcome.not_struck == ()
    assert outcome.rested, outcome


async def _comes_to_rest(rest: Rest) -> None:
    rested = await rest.until(time.time(), REST_SECONDS)
    assert rested.unrest == ()


def _watch(stack: ChaosStack) -> AbstractAsyncContextManager[OrderWatch]:
    return OrderWatch.on(stack.address("postgres"), stack.address("redis"))
