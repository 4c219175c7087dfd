"""`seckill status`, as a user meets it."""

import os
import signal

import pytest

from practice.stack.status import DIED, ELSEWHERE, NOT_ANSWERING, RUNNING, STOPPED, PartStatus
from tests.support.command_line import CommandLine, flags


@pytest.mark.timeout(240)
async def test_status_is_not_well_before_up_and_after_a_death(seckill: CommandLine) -> None:
    before = await seckill.run("status", *flags(("redis",)))
    stack = await seckill.up("redis")
    running = await seckill.run("status", *flags(("redis",)))
    os.kill(stack["pids"]["redis"], signal.SIGKILL)
    dead = await seckill.run("status", *flags(("redis",)))

    assert (before.code, running.code, dead.code) == (1, 0, 1)
    assert "stopped" in before.out
    assert stack["redis_url"] in running.out
    assert "died" in dead.out


@pytest.mark.parametrize(
    ("state", "well"),
    [(RUNNING, True), (ELSEWHERE, True), (NOT_ANSWERING, False), (DIED, False), (STOPPED, False)],
)
def test_a_part_is_well_if_it_runs_here_or_elsewhere(state: str, well: bool) -> None:
    assert PartStatus(name="redis", state=state).well is well
