"""What the engines need is installed once, pinned; what cannot be had is said."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.peers import installation
from bench.peers.installation import install

HERE = Path(installation.__file__).parent
NPM = "npm"


class Installers:
    """pip and npm, as if they had done it. `failing`: one that fails."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing = ""

    def run(self, argv: Sequence[str], cwd: Path, **_: Any) -> "subprocess.CompletedProcess[str]":
        name = NPM if argv[0] == NPM else "pip"
        self.ran.append(name)
        if name == self.failing:
            return subprocess.CompletedProcess(argv, 1, "", "no network\n")
        if name == NPM:
            program = cwd / "node_modules/@restatedev/restate-server-any/bin/restate-server"
            program.parent.mkdir(parents=True)
            program.touch()
        return subprocess.CompletedProcess(argv, 0, "", "")


@pytest.fixture
def installers(monkeypatch: pytest.MonkeyPatch) -> Installers:
    double = Installers()
    monkeypatch.setattr("bench.peers.installation.subprocess.run", double.run)
    monkeypatch.setattr("bench.peers.installation.shutil.which", lambda name: name)
    monkeypatch.setattr(
        "bench.peers.installation.venv.create",
        lambda folder, **_: folder.mkdir(parents=True, exist_ok=True),
    )
    return double


def test_what_is_there_from_last_time_is_not_installed_again(
    installers: Installers, tmp_path: Path
) -> None:
    said: list[str] = []
    first = install(tmp_path, said.append)
    again = install(tmp_path, said.append)

    assert first == again
    assert (installers.ran, len(said)) == (["pip", NPM], 2)
    assert first.missing == ()
    assert first.python == tmp_path / "python" / "bin" / "python"
    assert first.restate_server is not None and first.restate_server.is_file()


def test_other_requirements_are_installed_anew(
    installers: Installers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "home", print)
    changed = tmp_path / "requirements.txt"
    changed.write_text("dbos==9.9.9\n")
    monkeypatch.setattr("bench.peers.installation._REQUIREMENTS", changed)

    install(tmp_path / "home", print)

    assert installers.ran == ["pip", NPM, "pip"]


def test_without_npm_restate_is_left_out_and_dbos_is_not(
    installers: Installers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.peers.installation.shutil.which", lambda _: None)

    installed = install(tmp_path, print)

    assert installed.python is not None
    assert installed.restate_server is None
    assert len(installed.missing) == 1
    assert installed.missing[0].startswith("Restate: there is no npm")


@pytest.mark.parametrize(("failing", "what"), [("pip", "DBOS and Restate"), (NPM, "Restate")])
def test_a_failed_install_is_said_with_its_last_line_and_tried_again_next_time(
    installers: Installers, tmp_path: Path, failing: str, what: str
) -> None:
    installers.failing = failing

    installed = install(tmp_path, print)

    assert installed.missing == (f"{what}: could not be installed: no network",)
    installers.failing = ""
    assert install(tmp_path, print).missing == ()


def test_every_package_is_pinned_by_hash_and_no_address_stands_in_the_files() -> None:
    requirements = (HERE / "requirements.txt").read_text()
    blocks = re.split(r"\n(?=\S)", requirements.strip())
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = [package for path, package in lock["packages"].items() if path]

    assert all("==" in block and "--hash=sha256:" in block for block in blocks)
    assert packages and all("integrity" in package for package in packages)
    assert "://" not in requirements
    assert all("resolved" not in package for package in packages)
