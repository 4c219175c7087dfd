"""How much of the processors a process takes."""

import os
import time

import psutil
import pytest

from bench.cpu import CpuWatch


def test_work_shows_and_idling_does_not() -> None:
    mine = {"me": os.getpid()}
    watch = CpuWatch(mine)
    time.sleep(0.3)
    idle = watch.shares()["me"]
    watch, until = CpuWatch(mine), time.process_time() + 0.3
    while time.process_time() < until:
        pass
    assert watch.shares()["me"] > idle


def test_a_process_that_is_gone_cannot_be_watched() -> None:
    with pytest.raises(psutil.NoSuchProcess):
        CpuWatch({"gone": 2**22 + 1})
