"""`seckill up` in front of a terminal."""

import asyncio
import os
import signal

import psutil
import pytest

from tests.support.command_line import CommandLine, flags

# Whole stacks start here, on machines that may be busy with other tests.
pytestmark = pytest.mark.timeout(240)
STORES = ("postgres", "redis", "temporal")
LIGHT = ("redis", "sandbox")


class TestInFront:
    async def test_sigterm_leaves_no_process(self, seckill: CommandLine) -> None:
        front = await seckill.start("up", *flags((*STORES, "sandbox")))
        await line_with(front.stdout, "Ctrl-C stops everything")
        assert len(seckill.processes()) > 4

        front.send_signal(signal.SIGTERM)

        assert await front.wait() == 0
        assert seckill.processes() == []

    async def test_ctrl_c_while_starting_leaves_no_process(self, seckill: CommandLine) -> None:
        front = await seckill.start("up", *flags(STORES))
        async with asyncio.timeout(60):
            while len(seckill.processes()) < 2:
                await asyncio.sleep(0.02)

        front.send_signal(signal.SIGINT)

        await front.wait()
        assert seckill.processes() == []

    async def test_a_process_that_dies_is_named_and_the_others_go_on(
        self, seckill: CommandLine
    ) -> None:
        front = await seckill.start("up", *flags(LIGHT))
        await line_with(front.stdout, "Ctrl-C stops everything")
        pids = seckill.stack()["pids"]

        os.kill(pids["redis"], signal.SIGKILL)

        await line_with(front.stderr, f"redis (pid {pids['redis']}) has died")
        await line_with(front.stderr, "seckill up --detach")
        assert psutil.pid_exists(pids["sandbox"])
        again = await seckill.up(*LIGHT)
        assert again["pids"]["redis"] != pids["redis"]
        assert again["pids"]["sandbox"] == pids["sandbox"]
        assert front.returncode is None
        front.terminate()
        await front.wait()

    async def test_killed_itself_it_leaves_processes_that_the_next_command_adopts(
        self, seckill: CommandLine
    ) -> None:
        front = await seckill.start("up", *flags(LIGHT))
        await line_with(front.stdout, "Ctrl-C stops everything")
        pids = seckill.stack()["pids"]

        front.kill()
        await front.wait()

        assert (await seckill.up(*LIGHT))["pids"] == pids
        await seckill.run("down")
        assert seckill.processes() == []


async def line_with(stream: asyncio.StreamReader | None, words: str) -> None:
    """Read until a line with these words."""
    assert stream is not None
    async with asyncio.timeout(90):
        while words not in (line := (await stream.readline()).decode()):
            assert line, f"the output ended before: {words}"
