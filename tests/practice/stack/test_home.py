"""The folder of an embedded stack, and what is remembered in it."""

import asyncio
import stat
from pathlib import Path

import psutil
import pytest

from practice.stack.home import Home, write_private
from practice.stack.ports import LOOPBACK, free_port
from practice.stack.process import RunningProcess
from tests.support.command_line import CommandLine


@pytest.mark.timeout(240)
async def test_a_port_that_a_stranger_took_meanwhile_is_given_up(
    seckill: CommandLine,
) -> None:
    stack = await seckill.up("redis")
    await seckill.run("down")
    port = int(stack["redis_url"].rpartition(":")[2].partition("/")[0])

    async with await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, port):
        again = await seckill.up("redis")

    assert again["redis_url"] != stack["redis_url"]


@pytest.mark.timeout(240)
async def test_a_port_of_the_settings_is_used(seckill: CommandLine) -> None:
    port = free_port()
    seckill.environment["SECKILL_REDIS_PORT"] = str(port)

    assert (await seckill.up("redis"))["redis_url"] == f"redis://{LOOPBACK}:{port}/0"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def running(name: str, address: str = "") -> RunningProcess:
    """This very process, under another name."""
    me = psutil.Process()
    return RunningProcess(
        name=name, pid=me.pid, created=me.create_time(), address=address, log=Path("log")
    )


def test_a_secret_is_made_once_and_its_owners_alone(home: Home) -> None:
    assert home.secret("jwt") == home.secret("jwt") != home.secret("other")
    assert stat.S_IMODE((home.root / "secrets" / "jwt").stat().st_mode) == 0o600


def test_a_process_is_remembered_until_it_is_forgotten(home: Home) -> None:
    assert home.processes() == []
    home.remember(running("redis", "old"))
    home.remember(running("postgres"))
    home.remember(running("redis", "new"))
    known = home.process("redis")
    assert known is not None
    assert (known.address, known.alive) == ("new", True)
    home.forget("redis")
    assert [process.name for process in home.processes()] == ["postgres"]


def test_ports_stay_what_they_were_unless_others_are_wanted(home: Home) -> None:
    first = home.ports(("redis", "api"), {}, remember=True)
    wanted = free_port()
    second = home.ports(("redis", "api"), {"api": wanted}, remember=False)
    assert second == {"redis": first["redis"], "api": wanted}
    assert home.ports(("redis", "api"), {}, remember=True) == first


async def test_a_port_in_use_is_kept_while_the_stack_runs_and_else_given_up(home: Home) -> None:
    first = home.ports(("redis",), {}, remember=True)
    async with await asyncio.start_server(lambda _, w: w.close(), LOOPBACK, first["redis"]):
        given_up = home.ports(("redis",), {}, remember=False)
        home.remember(running("redis"))
        kept = home.ports(("redis",), {}, remember=False)
    assert given_up != first
    assert kept == first


async def test_who_comes_second_waits_for_the_first(home: Home) -> None:
    steps: list[str] = []

    async def enter(name: str) -> None:
        async with home.locked():
            steps.append(f"{name} in")
            await asyncio.sleep(0.05)
            steps.append(f"{name} out")

    await asyncio.gather(enter("a"), enter("b"))
    assert steps in (
        ["a in", "a out", "b in", "b out"],
        ["b in", "b out", "a in", "a out"],
    )


def test_a_file_is_replaced_whole_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
