"""`seckill down`, as a user meets it."""

import signal
from pathlib import Path

import psutil
import pytest

from practice.stack.home import Home
from practice.stack.process import RunningProcess
from practice.stack.shutdown import stop_processes
from tests.support.command_line import CommandLine


@pytest.mark.timeout(240)
async def test_down_with_nothing_running_is_fine(seckill: CommandLine) -> None:
    assert (await seckill.run("down")).code == 0
    assert not seckill.home.exists()


async def test_applications_stop_before_the_servers_they_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    home.create()
    processes = [process_of(name) for name in ("postgres", "api", "redis", "worker")]
    for process in processes:
        home.remember(process)
    stopped: list[str] = []

    async def stop(process: RunningProcess) -> bool:
        stopped.append(process.name)
        return process.name != "redis"

    monkeypatch.setattr("practice.stack.shutdown.stop", stop)

    assert await stop_processes(home, processes) == ["redis"]
    assert set(stopped[:2]) == {"api", "worker"}
    assert home.processes() == []


def process_of(name: str) -> RunningProcess:
    return RunningProcess(
        name=name, pid=psutil.Process().pid, created=0.0, address="", log=Path("log"),
        stop_signal=signal.SIGTERM,
    )  # fmt: skip
