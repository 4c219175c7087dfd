"""How much memory a process takes."""

import os

import psutil
import pytest

from bench.memory import MIB, memory_of


def test_what_is_taken_shows() -> None:
    before = memory_of({"me": os.getpid()})["me"]
    taken = b"x" * (50 * MIB)
    assert memory_of({"me": os.getpid()})["me"] - before > 40
    assert len(taken) == 50 * MIB


def test_a_process_that_is_gone_takes_nothing_and_is_not_measured() -> None:
    with pytest.raises(psutil.NoSuchProcess):
        memory_of({"gone": 2**22 + 1})
