"""Every process of the stack dies in the middle of a rush, and nothing is lost."""

from pathlib import Path

import pytest

from practice.stack.parts import PROCESSES
from tests.support.command_line import CommandLine
from tests.support.kill9 import RushSize, kill_in_the_middle

SMALL = RushSize(buyers=120, units=40, seconds=3.0, pay_window=10)

# Those who live on depend on those who die, and must find them again.
DEATHS = (("worker", "redis"), ("api", "postgres"), ("temporal", "sandbox"))


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(420)
async def test_a_rush_outlives_the_sudden_death_of_every_process(tmp_path: Path) -> None:
    seckill = CommandLine(tmp_path / "home")
    try:
        await seckill.up()
        survivals = [await kill_in_the_middle(seckill, victims, SMALL) for victims in DEATHS]
    finally:
        await seckill.down()

    for survival in survivals:
        assert survival.ok, survival.evidence
        assert survival.report is not None
        assert survival.report.sold > 0
    assert {victim for victims in DEATHS for victim in victims} == set(PROCESSES)
