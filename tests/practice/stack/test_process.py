"""One process: started, waited for, recognised again, stopped."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from practice.stack.process import Command, ServerFailed, log_excerpt, start, stop

pytestmark = pytest.mark.servers

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)"
)
OBEDIENT = "import time; print('listening', flush=True); time.sleep(600)"
# Its first thread ends, and another goes on: what a big process looks like while it dies.
HALF_DEAD = (
    "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start();"
    "print('listening', flush=True); ctypes.CDLL(None).pthread_exit(None)"
)
BROKEN = "import sys; print('first line'); sys.exit('the disk is on fire')"


@dataclass(frozen=True)
class Script:
    """A server that is ready once it has printed something."""

    code: str
    log: Path
    name: str = "script"
    address: str = "nowhere"
    stop_signal: signal.Signals = signal.SIGTERM
    nice: int = 0

    async def prepare(self) -> None:
        """Nothing on disk."""

    def command(self) -> Command:
        return Command((sys.executable, "-c", self.code), nice=self.nice)

    async def ready(self) -> bool:
        return self.log.read_text() != "" and "fire" not in self.log.read_text()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "script.log"


async def test_a_process_runs_in_a_session_of_its_own_until_it_is_stopped(log: Path) -> None:
    running = await start(Script(OBEDIENT, log), log)

    assert os.getsid(running.pid) == running.pid
    assert await stop(running)
    assert not running.alive
    assert not psutil.pid_exists(running.pid)


async def test_a_process_that_is_to_give_way_to_others_does(log: Path) -> None:
    running = await start(Script(OBEDIENT, log, nice=4), log)

    assert os.getpriority(os.PRIO_PROCESS, running.pid) == 4
    assert await stop(running)


async def test_a_process_that_ignores_its_signal_is_killed_after_the_grace(log: Path) -> None:
    running = await start(Script(STUBBORN, log), log)

    assert not await stop(running, grace_seconds=0.2)
    assert not running.alive


async def test_a_process_is_there_while_one_of_its_threads_is(log: Path) -> None:
    running = await start(Script(HALF_DEAD, log), log)
    process = psutil.Process(running.pid)
    while process.status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(0.01)

    assert running.alive
    await stop(running, grace_seconds=5.0)
    assert not psutil.pid_exists(running.pid)


async def test_a_process_that_ends_at_once_is_named_with_the_end_of_its_log(log: Path) -> None:
    with pytest.raises(ServerFailed) as failure:
        await start(Script(BROKEN, log), log)

    assert str(failure.value).startswith("script ended with exit code 1")
    assert "| the disk is on fire" in str(failure.value)
    assert str(log) in str(failure.value)


async def test_a_stranger_with_a_remembered_pid_is_left_alone(log: Path) -> None:
    running = await start(Script(OBEDIENT, log), log)
    stranger = running.model_copy(update={"created": running.created - 3600})

    assert not stranger.alive
    assert await stop(stranger)
    assert running.alive

    await stop(running)


def test_an_excerpt_is_the_end_of_a_log_of_any_length(tmp_path: Path) -> None:
    long = tmp_path / "long.log"
    long.write_text("".join(f"line {number}\n" for number in range(100_000)))
    lines = log_excerpt(long).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  | line 99999"
    assert log_excerpt(tmp_path / "none.log").endswith("  | (empty)")
