"""What the foreign engines need, installed beside the stack: not one of them is a dependency.

Python packages by `requirements.txt`, Restate's server by `package-lock.json`: both pin every
version and its hash. What cannot be had here is said, and the others are measured without it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from domain.model import Value

INSTALL_SECONDS_AT_MOST = 900

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "requirements.txt"
_NPM_FILES = (_HERE / "package.json", _HERE / "package-lock.json")


class Installation(Value):
    """`python` has DBOS' and Restate's SDKs, `restate_server` is the program; each None when it
    could not be installed. `missing` says why."""

    python: Path | None
    restate_server: Path | None
    missing: tuple[str, ...]


class CannotInstall(Exception):
    """The message says what is left out, and why."""


def install(folder: Path, say: Callable[[str], None]) -> Installation:
    """Into `folder`, unless it is there from last time; `say` is told what takes long."""
    missing: list[str] = []

    def attempt(part: Callable[[], Path]) -> Path | None:
        try:
            return part()
        except (CannotInstall, OSError) as error:
            missing.append(str(error))
            return None

    python = attempt(lambda: _python(folder / "python", say))
    server = attempt(lambda: _restate_server(folder / "npm", say)) if python else None
    return Installation(python=python, restate_server=server, missing=tuple(missing))


def _python(folder: Path, say: Callable[[str], None]) -> Path:
    python = folder / "bin" / "python"
    if not _is_installed(folder, _REQUIREMENTS):
        say("Installing the SDKs of DBOS and Restate")
        venv.create(folder, with_pip=True, clear=True)
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
        argv = (str(python), *pip, "--require-hashes", "-r", str(_REQUIREMENTS))
        _run(argv, folder, "DBOS and Restate")
        _mark_installed(folder, _REQUIREMENTS)
    return python


def _restate_server(folder: Path, say: Callable[[str], None]) -> Path:
    if not _is_installed(folder, *_NPM_FILES):
        npm = shutil.which("npm")
        if npm is None:
            raise CannotInstall("Restate: there is no npm, which its server comes by")
        say("Installing Restate's server")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in _NPM_FILES:
            shutil.copy(file, folder)
        # The scripts of its packages would only count who installs it.
        _run((npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"), folder, "Restate")
        _mark_installed(folder, *_NPM_FILES)
    # The program itself, and not the script of Node.js around it.
    found = [*folder.glob("node_modules/@restatedev/restate-server-*/bin/restate-server")]
    if not found:
        raise CannotInstall("Restate: its server is not made for this machine")
    return found[0]


def _run(argv: tuple[str, ...], folder: Path, what: str) -> None:
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_AT_MOST,
        )
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"{what}: not installed within {INSTALL_SECONDS_AT_MOST} s") from None
    if done.returncode != 0:
        last = [*done.stdout.splitlines(), *done.stderr.splitlines()][-1:] or ["no output"]
        raise CannotInstall(f"{what}: could not be installed: {last[0][:200]}")


def _is_installed(folder: Path, *files: Path) -> bool:
    mark = folder / "installed"
    return mark.exists() and mark.read_text() == _digest(*files)


def _mark_installed(folder: Path, *files: Path) -> None:
    (folder / "installed").write_text(_digest(*files))


def _digest(*files: Path) -> str:
    """Of what is to be installed, and of the Python it is for."""
    whole = sys.version.encode() + b"".join(file.read_bytes() for file in files)
    return hashlib.sha256(whole).hexdigest()
