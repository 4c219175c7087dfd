"""One process of the embedded stack: what starts it, when it is ready, how it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import psutil

from domain.model import Value
from practice.stack.priority import give_way

_POLL_SECONDS = 0.03
_ASK_SECONDS = 0.08
_LOG_LINES = 20
_LOG_BYTES = 16_384
# A start time is read against the machine's clock, which may be set right meanwhile.
_CLOCK_DRIFT_SECONDS = 2.0


@dataclass(frozen=True)
class Command:
    """What to execute. `env` is the whole environment of the process. `nice`: how far it gives
    way to the others, as Unix counts that."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    nice: int = 0


class Server(Protocol):
    """Something that runs as a process of its own and answers at an address."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def stop_signal(self) -> signal.Signals: ...

    async def prepare(self) -> None:
        """Make what the process needs on disk. Raises OSError or ServerFailed."""

    def command(self) -> Command: ...

    async def ready(self) -> bool:
        """Whether it answers in its own protocol; never raises because it does not."""


class RunningProcess(Value):
    """A process we started, known by more than its pid: pids are used again."""

    name: str
    pid: int
    created: float
    address: str
    log: Path
    stop_signal: int = signal.SIGTERM

    def find(self) -> psutil.Process | None:
        """The living process, or None when it has ended."""
        if (child := _children.get(self.pid)) and child.poll() is not None:
            return None
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _CLOCK_DRIFT_SECONDS
            if same and not _is_dead(process):
                return process
        return None

    @property
    def alive(self) -> bool:
        return self.find() is not None


class ServerFailed(Exception):
    """A server could not start, or died. The message ends with the end of its log."""

    def __init__(self, name: str, reason: str, log: Path | None = None) -> None:
        super().__init__(f"{name} {reason}" + (log_excerpt(log) if log else ""))
        self.name = name


def log_excerpt(log: Path) -> str:
    """The end of a log, indented, under a line that names the file."""
    end = ""
    if log.exists():
        # It may have grown for weeks; its last lines are in its last bytes.
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_BYTES))
            end = file.read().decode(errors="replace")
    tail = end.splitlines()[-_LOG_LINES:] or ["(empty)"]
    return "\n".join(["", f"the end of {log}:", *(f"  | {line}" for line in tail)])


async def start(server: Server, log: Path, *, die_with_parent: bool = False) -> RunningProcess:
    """Start `server` and wait until it answers; raises ServerFailed, and then it does not run."""
    await server.prepare()
    running = spawn(server, log, die_with_parent=die_with_parent)
    try:
        await until_ready(server, running)
    except BaseException:
        await stop(running, grace_seconds=3.0)
        raise
    return running


def spawn(server: Server, log: Path, *, die_with_parent: bool = False) -> RunningProcess:
    """Start a prepared server in a session of its own, its output appended to `log`."""
    command = server.command()
    if die_with_parent:
        command = _dying_with_parent(command, server.stop_signal)
    child = _popen(command, log)
    _children[child.pid] = child
    if command.nice and (refused := give_way(child.pid, command.nice)):
        with log.open("a") as file:
            file.write(f"{server.name} does not give way to others: {'; '.join(refused)}\n")
    return RunningProcess(
        name=server.name,
        pid=child.pid,
        created=psutil.Process(child.pid).create_time(),
        address=server.address,
        log=log,
        stop_signal=server.stop_signal,
    )


async def until_ready(
    server: Server, running: RunningProcess, *, timeout_seconds: float = 30.0
) -> None:
    """Raises ServerFailed when it ends, or does not answer in time."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if not running.alive:
            child = _children.get(running.pid)
            how = f"ended with exit code {child.returncode}" if child else "has ended"
            raise ServerFailed(server.name, how, running.log)
        # An answer counts only while our own process lives: a stranger may hold the port.
        if await server.ready() and running.alive:
            return
        await asyncio.sleep(_ASK_SECONDS)
    raise ServerFailed(server.name, f"was not ready after {timeout_seconds:.0f} s", running.log)


async def stop(running: RunningProcess, *, grace_seconds: float = 15.0) -> bool:
    """End the process and its children; False when they had to be killed."""
    process = running.find()
    if process is None:
        return True
    family = [process, *_descendants(process)]
    _send(process, running.stop_signal)
    if await _gone(family, grace_seconds):
        return True
    for member in [*family, *_descendants(process)]:
        _send(member, signal.SIGKILL)
    await _gone(family, 5.0)
    return False


# Kept so that an ended child is reaped and does not look alive as a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


def _popen(command: Command, log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command.argv,
            env=dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C belongs to `seckill up` alone, which then stops the others in order.
            start_new_session=True,
        )


async def _gone(family: list[psutil.Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(_lives(member) for member in family):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _lives(process: psutil.Process) -> bool:
    child = _children.get(process.pid)
    if child is not None and child.poll() is not None:
        return False
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and not _is_dead(process)
    return False


def _is_dead(process: psutil.Process) -> bool:
    # One whose first thread alone is dead looks like a zombie too, and still holds its port.
    return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _dying_with_parent(command: Command, number: signal.Signals) -> Command:
    if not sys.platform.startswith("linux"):
        return command
    prefix = ("setpriv", "--pdeathsig", number.name.removeprefix("SIG"))
    # Two setpriv in a row would lose the death signal: changing the uid clears it.
    argv = command.argv[1:] if command.argv[0] == "setpriv" else ("--", *command.argv)
    return replace(command, argv=(*prefix, *argv))
