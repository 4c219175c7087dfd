"""What gives way does so with all its threads, and among sessions as well as in its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from practice.stack.priority import give_way

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(sys.platform != "linux", reason="others have no autogroups"),
]

MANY_THREADS = (
    "import threading, time;"
    "[threading.Thread(target=time.sleep, args=(600,), daemon=True).start() for _ in range(3)];"
    "print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        (sys.executable, "-c", MANY_THREADS), stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_all_threads_of_its_session_are_nice(child: subprocess.Popen[bytes]) -> None:
    give_way(child.pid, 7)

    threads = [int(thread.name) for thread in Path(f"/proc/{child.pid}/task").iterdir()]
    assert [os.getpriority(os.PRIO_PROCESS, thread) for thread in threads] == [7] * 4


def test_so_is_its_session_among_others(child: subprocess.Popen[bytes]) -> None:
    group = Path(f"/proc/{child.pid}/autogroup")
    if not group.exists():
        pytest.skip("this kernel has no autogroups")

    assert give_way(child.pid, 7) == []

    assert group.read_text().endswith(" nice 7\n")


def test_what_a_machine_refuses_is_said_and_hinders_nobody(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()

    refused = give_way(child.pid, 7)

    assert [what.partition(":")[0] for what in refused] == ["nice", "autogroup"]
